"""Pictures without random numbers, and slow obvious twins of the image metrics."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def toy():
    """Four pictures of 16 x 16: one good, one region, two regions that include a diagonal touch, one row."""
    maps, masks = [], []
    y, x = np.mgrid[:16, :16]
    for i in range(4):
        mask = np.zeros((16, 16), int)
        if i == 1:
            mask[2:5, 3:7] = 1
        if i == 2:
            mask[:2, :2] = 1
            mask[2, 2] = 1
            mask[10:16, 10:16] = 1
        if i == 3:
            mask[7] = 1
        maps.append(((7 * x + 13 * y + 29 * i + x * y) % 101) / 100 + 0.25 * mask)
        masks.append(mask)
    return maps, masks


def hashed(n_images=12, height=96, width=80):
    """Pictures whose noise is an integer hash, with ellipses as defects; every third is good."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    maps, masks = [], []
    for i in range(n_images):
        mask = np.zeros((height, width), bool)
        if i % 3:
            for k in range(1 + i % 4):
                cy, cx = (17 * i + 31 * k) % height, (23 * i + 41 * k) % width
                mask |= (y - cy) ** 2 + 2 * (x - cx) ** 2 <= (3 + (5 * i + 7 * k) % 9) ** 2
        noise = ((x * 73856093) ^ (y * 19349663) ^ ((i + 1) * 83492791)) % 100003 / 100003
        near = ndimage.uniform_filter(mask.astype(np.float64), 5)
        maps.append((0.7 * noise**2 + 0.3 * mask + 0.2 * near).astype(np.float32))
        masks.append(mask.astype(np.uint8))
    return maps, masks


def regions_of(masks, connectivity=8):
    """Return a list of (image, boolean region) pairs, flooding by hand."""
    steps = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    if connectivity == 8:
        steps += [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    found = []
    for number, mask in enumerate(masks):
        todo = {(int(r), int(c)) for r, c in zip(*np.nonzero(mask), strict=True)}
        while todo:
            edge, region = [todo.pop()], np.zeros(np.shape(mask), bool)
            while edge:
                r, c = edge.pop()
                region[r, c] = True
                for dr, dc in steps:
                    place = (r + dr, c + dc)
                    if place in todo:
                        todo.remove(place)
                        edge.append(place)
            found.append((number, region))
    return found


def slow_curve(maps, masks, connectivity=8):
    """Return (false positive rates, PRO, recall) through every distinct score, from (0, 0) on."""
    regions = regions_of(masks, connectivity)
    levels = np.unique(np.concatenate([np.ravel(m) for m in maps]))[::-1]
    n_normal = sum(int((np.asarray(m) == 0).sum()) for m in masks)
    n_bad = sum(int((np.asarray(m) > 0).sum()) for m in masks)
    fpr, pro, tpr = [0.0], [0.0], [0.0]
    for level in levels:
        hits = [np.asarray(m) >= level for m in maps]
        fpr.append(sum(int((h & (np.asarray(m) == 0)).sum()) for h, m in zip(hits, masks, strict=True)) / n_normal)
        tpr.append(sum(int((h & (np.asarray(m) > 0)).sum()) for h, m in zip(hits, masks, strict=True)) / n_bad)
        pro.append(float(np.mean([hits[i][region].mean() for i, region in regions])))
    return np.array(fpr), np.array(pro), np.array(tpr)


def slow_area(x, y, limit):
    """Walk along the polyline and add trapezoids up to the limit, dividing by it."""
    area = 0.0
    for x0, x1, y0, y1 in zip(x[:-1], x[1:], y[:-1], y[1:], strict=True):
        if x0 >= limit:
            break
        if x1 > limit:
            y1 = y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
            x1 = limit
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


def slow_au_pro(maps, masks, limit, connectivity=8):
    fpr, pro, _ = slow_curve(maps, masks, connectivity)
    return slow_area(fpr, pro, limit)


def ader_loop(maps, masks, limit=0.3, steps=200):
    """The threshold loop of ADer: relabels, rethresholds and recounts everything at every step."""
    maps, masks = np.stack(maps), np.stack(masks)
    low, high = maps.min(), maps.max()
    rates, overlaps, hits = [], [], np.zeros(maps.shape, bool)
    for threshold in np.arange(low, high, (high - low) / steps):
        hits[maps <= threshold], hits[maps > threshold] = False, True
        shares = []
        for hit, mask in zip(hits, masks, strict=True):
            labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
            for number in range(1, count + 1):
                rows, columns = np.nonzero(labels == number)
                shares.append(hit[rows, columns].sum() / len(rows))
        normal = 1 - masks
        rates.append(np.logical_and(normal, hits).sum() / normal.sum())
        overlaps.append(np.mean(shares))
    rates, overlaps = np.array(rates), np.array(overlaps)
    kept = rates < limit
    rates, overlaps = rates[kept], overlaps[kept]
    rates = (rates - rates.min()) / (rates.max() - rates.min())
    return -float(np.sum((overlaps[1:] + overlaps[:-1]) / 2 * np.diff(rates)))
