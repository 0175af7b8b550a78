"""The same CLIP weights under transformers' names and under open_clip's."""

import torch

State = dict[str, torch.Tensor]
_LAYER = {
    "layer_norm1": "ln_1",
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def clip_text_from_transformers(state: State) -> State:
    """A ``CLIPTextModel``'s weights as the text tower of an open_clip ``CLIP`` (its projection apart)."""
    state = {name.removeprefix("text_model."): value for name, value in state.items()}
    renamed = {
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
    }
    return renamed | _blocks(state, "encoder.layers.", "transformer.resblocks.")


def _blocks(state: State, theirs: str, ours: str) -> State:
    """transformers' encoder layers as open_clip's residual blocks."""
    renamed: State = {}
    count = 1 + max(int(name.removeprefix(theirs).split(".")[0]) for name in state if name.startswith(theirs))
    for i in range(count):
        for kind in ("weight", "bias"):
            parts = [state[f"{theirs}{i}.self_attn.{p}_proj.{kind}"] for p in "qkv"]
            renamed[f"{ours}{i}.attn.in_proj_{kind}"] = torch.cat(parts)
            for their_name, our_name in _LAYER.items():
                renamed[f"{ours}{i}.{our_name}.{kind}"] = state[f"{theirs}{i}.{their_name}.{kind}"]
    return renamed


def vision_from_open_clip(state: State) -> State:
    """An open_clip picture tower as ``vision_model.*`` and ``visual_projection.weight`` of transformers."""
    embeddings = "vision_model.embeddings."
    renamed = {
        embeddings + "class_embedding": state["visual.class_embedding"],
        embeddings + "position_embedding.weight": state["visual.positional_embedding"],
        embeddings + "patch_embedding.weight": state["visual.conv1.weight"],
        "visual_projection.weight": state["visual.proj"].T,
    }
    for kind in ("weight", "bias"):
        renamed[f"vision_model.pre_layrnorm.{kind}"] = state[f"visual.ln_pre.{kind}"]
        renamed[f"vision_model.post_layernorm.{kind}"] = state[f"visual.ln_post.{kind}"]
    ours, theirs = "visual.transformer.resblocks.", "vision_model.encoder.layers."
    count = 1 + max(int(name.removeprefix(ours).split(".")[0]) for name in state if name.startswith(ours))
    for i in range(count):
        for kind in ("weight", "bias"):
            for letter, part in zip("qkv", state[f"{ours}{i}.attn.in_proj_{kind}"].chunk(3), strict=True):
                renamed[f"{theirs}{i}.self_attn.{letter}_proj.{kind}"] = part
            for their_name, our_name in _LAYER.items():
                renamed[f"{theirs}{i}.{their_name}.{kind}"] = state[f"{ours}{i}.{our_name}.{kind}"]
    return {name: value.contiguous() for name, value in renamed.items()}
