"""What a scene is called: captions in varied wording, seeded. English; every word of the scene is in them."""

import numpy as np

from starter.draw.scene import Figure, Scene

GROUND_PHRASES: dict[str, tuple[str, ...]] = {
    "plain": ("on a plain background", "on plain ground", "plain background"),
    "gradient": ("on a gradient background", "over a colour gradient", "gradient background"),
    "parchment": ("on a parchment background", "on old parchment", "parchment background"),
    "night": ("on a night background", "at night under the stars", "against the night sky"),
    "sunburst": ("on a sunburst background", "in front of a sunburst", "with sunburst rays behind it"),
    "forest": ("on a forest background", "in the forest", "deep in a green forest"),
    "stone": ("on a stone background", "before a stone wall", "on grey stone"),
    "sea": ("on a sea background", "by the sea", "above the waves of the sea"),
    "snow": ("on a snow background", "in the snow", "in a snow field in winter"),
    "desert": ("on a desert background", "in the desert", "among desert dunes"),
}
STYLE_PHRASES: dict[str, tuple[str, ...]] = {
    "flat": ("flat style", "flat icon", "flat vector art"),
    "outlined": ("outlined style", "outlined icon", "outlined cartoon"),
    "shaded": ("shaded style", "shaded icon", "shaded 3d game art"),
    "woodcut": ("woodcut style", "woodcut print", "old woodcut"),
}
FRAME_PHRASES = ("in a frame", "framed", "with a decorative frame")
COLOUR_WORDS: dict[str, tuple[str, ...]] = {"gold": ("gold", "golden"), "silver": ("silver", "grey")}
# Words that users write and drawings do not show; the tokenizer knows them so that prompts stay short.
OTHER_WORDS = """
picture of an art image illustration drawing game item card asset sprite token portrait object masterpiece best quality
high detailed detail sharp clean beautiful fantasy medieval magic magical enchanted ancient healing poison short long
sword fire water ice dark light holy cursed legendary rare common epic hero dragon knight wizard tavern tales quest
dungeon treasure map inventory centered simple white black blurry blur cropped crop out low noise noisy jpeg artifacts
watermark text signature deformed broken ugly bad worst cluttered clutter washed clipped banding two several many no
warm cold bright big small large tiny huge one piece with without and or the top view front side isolated border round
""".split()  # noqa: SIM905 (a paragraph of words reads better than a list of quotes)


def _named(figure: Figure, rng: np.random.Generator) -> str:
    words = COLOUR_WORDS.get(figure.colour, (figure.colour,))
    colour = words[0] if rng.random() < 0.8 else str(rng.choice(words))
    article = rng.random()
    if article < 0.75:
        return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {figure.subject}"
    return f"{colour} {figure.subject}" if article < 0.9 else f"the {colour} {figure.subject}"


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One caption; subject, colour and ground nearly always, the style in 3 of 4, a frame whenever there is one."""
    things = " and ".join(_named(figure, rng) for figure in scene.figures)
    grounds, styles = GROUND_PHRASES[scene.ground], STYLE_PHRASES[scene.style]
    ground = grounds[0] if rng.random() < 0.5 else str(rng.choice(grounds))
    style = styles[0] if rng.random() < 0.5 else str(rng.choice(styles))
    frame = str(rng.choice(FRAME_PHRASES))
    extra = [style] if rng.random() < 0.75 else []
    extra += [frame] if scene.framed else []
    lead = rng.random()
    if lead < 0.1:
        return ", ".join([ground.removeprefix("on "), things, *extra])
    if lead < 0.2 and extra:
        return ", ".join([*extra, f"{things} {ground}"])
    opening = "" if lead < 0.75 else str(rng.choice(("a picture of ", "game item: ", "game art of ", "an icon of ")))
    return ", ".join([f"{opening}{things} {ground}", *extra])


def plain_caption(subject: str, colour: str, ground: str) -> str:
    """The one fixed wording that evaluations use: ``a red sword on a forest background``."""
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {subject} on a {ground} background"
