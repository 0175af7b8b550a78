"""Every subject by its word: what a caption may ask for and a picture must show."""

from collections.abc import Callable

import numpy as np

from starter.draw import creatures, nature, places, things, treasure, weapons
from starter.draw.shapes import Part

Subject = Callable[[np.random.Generator], list[Part]]

SUBJECTS: dict[str, Subject] = {
    **{f.__name__: f for f in (weapons.sword, weapons.axe, weapons.bow, weapons.spear, weapons.hammer)},
    **{f.__name__: f for f in (weapons.shield, weapons.helmet)},
    **{f.__name__: f for f in (treasure.potion, treasure.gem, treasure.coin, treasure.key, treasure.crown)},
    **{f.__name__: f for f in (treasure.ring, treasure.book, treasure.scroll, treasure.chest)},
    **{f.__name__: f for f in (things.bell, things.candle, things.lantern, things.dice, things.banner)},
    **{f.__name__: f for f in (things.hourglass, things.goblet, things.anchor, things.padlock, things.wheel)},
    **{f.__name__: f for f in (places.tower, places.castle, places.tent, places.house, places.ship)},
    **{f.__name__: f for f in (nature.tree, nature.mountain, nature.sun, nature.moon, nature.flame, nature.drop)},
    **{f.__name__: f for f in (nature.leaf, nature.mushroom)},
    "star": nature.star_shape,
    **{f.__name__: f for f in (creatures.fish, creatures.cat, creatures.bird, creatures.snake, creatures.skull)},
    **{f.__name__: f for f in (creatures.heart, creatures.ghost, creatures.butterfly)},
}

# How far each may be turned (degrees): what has an up stays nearly upright, hand-held things lie at any slant.
SLANT_DEG: dict[str, float] = {
    **dict.fromkeys(("sword", "axe", "spear", "hammer", "key", "bow"), 45.0),
    **dict.fromkeys(("leaf", "scroll", "book", "gem", "star", "wheel", "anchor", "butterfly", "fish", "banner"), 18.0),
}
DEFAULT_SLANT_DEG = 7.0
