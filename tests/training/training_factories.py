"""Small configurations over the generated squares."""

from pathlib import Path

_TOML = """
name = "tiny"
seed = 3
threads = 1
accelerator = "cpu"
input_size = 64
cached_size = 72
cache = "{folder}/cache"
min_damage_examples = 4
[[data]]
manifest = "{folder}/manifest.jsonl"
[fit]
epochs = {epochs}
pictures_per_epoch = 16
batch_size = 8
first_trainable_part = 6
{fit}
[augment]
min_degraded_px = 24
[calibration]
familiarity_directions = 4
familiarity_pictures = 10
[decision.quality]
min_brightness = 0.05
max_brightness = 0.99
min_sharpness = 0.0
min_side_px = 32
"""


def config_file(folder: Path, into: Path, epochs: int = 1, fit: str = "") -> Path:
    """Write tiny.toml for the pictures of `folder`; `fit` adds lines to its [fit] table."""
    path = into / "tiny.toml"
    path.write_text(_TOML.format(folder=folder.as_posix(), epochs=epochs, fit=fit))
    return path
