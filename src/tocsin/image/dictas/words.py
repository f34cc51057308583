"""Words: what is said of sound and of damaged objects, as vectors of a CLIP text encoder.

Every state is put into many sentences about photographs, and their vectors are averaged (Jeong et al., WinCLIP, CVPR
2023): a single sentence is a matter of luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extras import need

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

SOUND = (
    "{}", "flawless {}", "perfect {}", "unblemished {}", "{} without flaw", "{} without defect", "{} without damage",
)  # fmt: skip
DAMAGED = ("damaged {}", "broken {}", "{} with flaw", "{} with defect", "{} with damage")
MANNERS = (
    "bad", "low resolution", "cropped", "bright", "dark", "close-up", "black and white", "jpeg corrupted", "blurry",
    "good", "clean", "large", "small", "cool", "weird",
)  # fmt: skip
SENTENCES = (
    "a photo of a {}.", "a photo of the {}.", *(f"a {manner} photo of a {{}}." for manner in MANNERS),
    *(f"a {manner} photo of the {{}}." for manner in MANNERS), "there is a {} in the scene.",
    "this is a {} in the scene.", "a photo of one {} for visual inspection.",
)  # fmt: skip


def sentences(name: str, damaged: bool) -> list[str]:
    """Return all that is said of an object in one state.

    Examples
    --------
    >>> sentences("screw", damaged=True)[:2]
    ['a photo of a damaged screw.', 'a photo of the damaged screw.']
    >>> len(sentences("screw", damaged=False))
    245
    """
    states = DAMAGED if damaged else SOUND
    return [frame.format(state.format(name)) for state in states for frame in SENTENCES]


def text_vectors(model: str, names: Sequence[str]) -> FloatArray:
    """Return what a CLIP text encoder makes of objects in both states.

    Parameters
    ----------
    model : str
        A folder with a CLIP model and its tokenizer, or the id of one that is on this machine.
    names : sequence of str
        What the objects are called.

    Returns
    -------
    ndarray of float32, shape (names, 2, e)
        Unit vectors, sound first.

    Raises
    ------
    InputError
        If there is no such model here, or it has no text encoder.
    MissingExtra
        If transformers is not installed.
    """
    torch = need("torch", "deep", "words of CLIP")
    transformers = need("transformers", "chronos", "words of CLIP")
    try:
        net = transformers.CLIPModel.from_pretrained(model, local_files_only=True, use_safetensors=True).eval()
        tokenizer = transformers.CLIPTokenizer.from_pretrained(model, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"text={model!r} is no CLIP model with a text encoder on this machine, and nothing is downloaded unasked "
            f"({str(error).splitlines()[0]}): give its folder, or text=None to train without words"
        ) from None
    found = np.empty((len(names), 2, int(net.config.projection_dim)), dtype=np.float32)
    with torch.inference_mode():
        for row, name in enumerate(names):
            for state in (0, 1):
                given = tokenizer(sentences(name, bool(state)), padding=True, truncation=True, return_tensors="pt")
                vectors = torch.nn.functional.normalize(
                    net.text_projection(net.text_model(**given).pooler_output), dim=1
                )
                found[row, state] = torch.nn.functional.normalize(vectors.mean(dim=0), dim=0).numpy()
    return found
