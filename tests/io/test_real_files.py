"""Public series as they lie on people's disks."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.io import read, read_many, stream


@pytest.fixture(scope="module")
def unpacked(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    for name in ("nab/nab", "kpi_netman/kpi", "ucr_anomaly/ucr_anomaly", "skab/skab"):
        with zipfile.ZipFile(shared / "data" / f"{name}.zip") as archive:
            archive.extractall(folder / name.partition("/")[0])
    return folder


def samples(place: Path, **options: object) -> dict[str, Series]:
    found = {}
    for reading in read_many(place, **options):
        assert reading.error is None, reading.error
        assert reading.sample is not None
        found[reading.path.rpartition("/")[2]] = reading.sample
    return found


def test_nab(unpacked: Path) -> None:
    found = list(read_many(unpacked / "nab" / "data"))
    failed = [r for r in found if r.error is not None]
    assert [Path(r.path).name for r in failed] == ["art_flatline.csv"]
    assert "nothing varies: 'value' is constant (45)" in str(failed[0].error)
    assert len(found) == 43
    series = {Path(r.path).name: r.sample for r in found if r.sample is not None}
    assert all(s.channels == ("value",) and s.time is not None for s in series.values())
    # 22695 rows, of which twelve stand in an hour that was written twice
    machine = series["machine_temperature_system_failure.csv"]
    assert len(machine) == 22_683
    assert "stamps went back 1 time" in machine.repairs[0].what
    assert machine.repairs[1].count == 12
    # 64 of 1538 steps are gaps
    exchange = series["exchange-3_cpc_results.csv"]
    assert len(exchange) == 1538 + 109
    assert np.isnan(exchange.values).sum() == 109
    assert any("sampled irregularly" in r.what for r in series["speed_7578.csv"].repairs)


def test_kpi(unpacked: Path) -> None:
    for sample in samples(unpacked / "kpi_netman").values():
        assert sample.channels == ("value",)
        assert len(sample) == 17_568
        assert sample.step == 300
        assert set(sample.meta["labels"]) == {"label"}
        assert 0.003 < sample.meta["labels"]["label"].mean() < 0.013
    assert "seconds since 1970" in str(sample.repairs[0])


def test_skab(unpacked: Path) -> None:
    found = list(read_many(unpacked / "skab", gaps="keep"))
    assert len(found) == 28
    for reading in found:
        sample = reading.sample
        assert sample is not None, reading.error
        assert len(sample.channels) == 8
        assert sample.channels[0] == "Accelerometer1RMS"
        assert sample.step == 1
        if "anomaly-free" in reading.path:
            assert "labels" not in sample.meta
        else:
            labels = sample.meta["labels"]
            assert set(labels) == {"anomaly", "changepoint"}
            assert 0.2 < labels["anomaly"].mean() < 0.55
            assert len(labels["anomaly"]) == len(sample)


def test_ucr(unpacked: Path) -> None:
    found = samples(unpacked / "ucr_anomaly")
    assert len(found) == 4
    for name, sample in found.items():
        end = int(name.removesuffix(".txt").split("_")[-1])
        assert sample.channels == ("value",)
        assert sample.time is None
        assert len(sample) > end
        assert sample.repairs == ()


def test_smd_as_published(shared: Path, tmp_path: Path) -> None:
    """The original files are rows of 38 numbers with commas between them and no header."""
    with np.load(shared / "data" / "smd" / "machine-1-6.npz", allow_pickle=False) as members:
        values, label = members["test"], members["label"]
    np.savetxt(tmp_path / "machine-1-6.txt", values[:4000], delimiter=",", fmt="%.6f")
    np.savetxt(tmp_path / "machine-1-6-label.txt", label[:4000], fmt="%d")
    found = read(tmp_path / "machine-1-6.txt")
    assert len(found) == 4000
    live = [i for i in range(38) if np.ptp(np.round(values[:4000, i].astype(float), 6)) > 0]
    assert found.channels == tuple(f"channel {i}" for i in live)
    np.testing.assert_allclose(found.values, values[:4000, live], atol=1e-6)
    assert any("constant" in r.what for r in found.repairs) == (len(live) < 38)
    assert read(tmp_path / "machine-1-6-label.txt").values.ravel().tolist() == label[:4000].tolist()


@pytest.mark.parametrize(
    ("archive", "member", "width"),
    [
        ("smap_msl/smap_msl.npz", "A-1.test", 25),
        ("asd/asd.npz", "omi-1.train", 19),
        ("ecg_sed/ecg_sed.npz", "SED.x", 1),
        ("cwru_bearing/cwru_1797rpm.npz", "Normal", 1),
    ],
)
def test_arrays(shared: Path, tmp_path: Path, archive: str, member: str, width: int) -> None:
    with np.load(shared / "data" / archive, allow_pickle=False) as members:
        values = members[member]
    np.save(tmp_path / "data.npy", values)
    found = read(tmp_path / "data.npy")
    assert len(found) == len(values)
    table = values.reshape(len(values), -1)
    assert table.shape[1] == width
    assert len(found.channels) == sum(np.ptp(table[:, i]) > 0 for i in range(width))
    with stream(tmp_path / "data.npy", rows=10_000) as opened:
        np.testing.assert_array_equal(np.concatenate([c.values for c in opened.chunks()]), table.astype(float))


def test_many_runs_in_one_npz_are_named(shared: Path) -> None:
    with pytest.raises(InputError, match=r"holds the arrays .*SED\.x.* and none is called values or x"):
        read(shared / "data" / "ecg_sed" / "ecg_sed.npz")


def test_scores_of_several_machines(shared: Path) -> None:
    found = list(read_many(shared / "data" / "toycar_scores" / "toycar_scores.csv.gz"))
    assert len(found) == 4
    counts = Counter(int(r.sample.meta["labels"]["label"].sum()) for r in found if r.sample is not None)
    assert sum(counts) > 0
    assert sum(len(r.sample) for r in found if r.sample is not None) == 2459


def test_what_is_no_series_says_so(shared: Path) -> None:
    data = shared / "data"
    for name, message in (
        ("nab/nab.zip", "is a zip archive (data/artificialNoAnomaly/"),
        ("adfa_ld/adfa_ld.csv.gz", "no column holds numbers (trace, split, family and syscalls hold text)"),
        ("nab/final_results.json", "holds one row"),
        ("video_clips/highway.avi", "is no text, and no format that tocsin reads"),
        ("netflow_categorical/ids2017_test.csv.gz", "column 'dstPort' holds 'OTHER' in row 11"),
    ):
        with pytest.raises(InputError) as caught:
            read(data / name, modality="series")
        assert message in str(caught.value)
