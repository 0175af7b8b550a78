"""Which tensors a part consists of, by its configuration: canonical name → shape. Imports no library.

So ``plan`` knows, from headers alone, that weights fit their configuration, and loading builds nothing that is larger
than the files. Names and shapes are those of ``state_dict()`` in diffusers 0.42 and transformers 5, less the prefix
``text_model.``; ``tests/generator/test_shapes.py`` compares them with the classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Shapes = dict[str, tuple[int, ...]]
Config = Mapping[str, Any]
# Buffers that checkpoints of 2022 stored and that every library computes for itself since.
HARMLESS_EXTRAS = ("position_ids",)
# The VAE's attention as diffusers named it before 0.15 (``ModelMixin._fix_state_dict_keys_on_load``).
_OLD_ATTENTION = re.compile(r"((?:encoder|decoder)\.mid_block\.attentions\.0\.)(query|key|value|proj_attn)\.")
_NEW_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def canonical(class_name: str, name: str) -> str:
    """A stored tensor's name as ``expected`` spells it: old names of the VAE's attention, the text models' prefix."""
    if class_name == "AutoencoderKL":
        return _OLD_ATTENTION.sub(lambda match: f"{match[1]}{_NEW_ATTENTION[match[2]]}.", name)
    return name.removeprefix("text_model.") if class_name.startswith("CLIPText") else name


def expected(class_name: str, config: Config) -> Shapes:
    """Every parameter of the class at this configuration (checked, and with its defaults)."""
    if class_name == "UNet2DConditionModel":
        return _unet(config)
    return _vae(config) if class_name == "AutoencoderKL" else _text(config, class_name.endswith("WithProjection"))


def _linear(name: str, out: int, into: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (out, into)} | ({f"{name}.bias": (out,)} if bias else {})


def _conv(name: str, out: int, into: int, kernel: int = 3) -> Shapes:
    return {f"{name}.weight": (out, into, kernel, kernel), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _resnet(name: str, into: int, out: int) -> Shapes:
    shapes = _norm(f"{name}.norm1", into) | _conv(f"{name}.conv1", out, into)
    shapes |= _norm(f"{name}.norm2", out) | _conv(f"{name}.conv2", out, out)
    return shapes | (_conv(f"{name}.conv_shortcut", out, into, 1) if into != out else {})


def per_block(value: Any, blocks: int) -> list[Any]:
    """One value for each block, whether a file gives one or a list."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * blocks


class _UNet:
    """Shapes of ``UNet2DConditionModel``."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.channels: list[int] = list(config["block_out_channels"])
        self.time = config["time_embedding_dim"] or self.channels[0] * 4
        self.linear = bool(config["use_linear_projection"])
        self.doubled = config["resnet_time_scale_shift"] == "scale_shift"
        self.cross = per_block(config["cross_attention_dim"], len(self.channels))
        self.layers = per_block(config["layers_per_block"], len(self.channels))
        self.depths = per_block(config["transformer_layers_per_block"], len(self.channels))

    def resnet(self, name: str, into: int, out: int) -> Shapes:
        """A residual block with its projection of the time embedding."""
        rows = 2 * out if self.doubled else out
        return _resnet(name, into, out) | _linear(f"{name}.time_emb_proj", rows, self.time)

    def transformer(self, name: str, width: int, cross: int, depth: int) -> Shapes:
        """A ``Transformer2DModel`` of ``depth`` blocks."""
        shapes = _norm(f"{name}.norm", width)
        for end in ("proj_in", "proj_out"):
            shapes |= _linear(f"{name}.{end}", width, width) if self.linear else _conv(f"{name}.{end}", width, width, 1)
        for number in range(depth):
            shapes |= _transformer_block(f"{name}.transformer_blocks.{number}", width, cross)
        return shapes

    def down(self) -> Shapes:
        """All down blocks."""
        shapes: Shapes = {}
        into = self.channels[0]
        for i, (kind, out) in enumerate(zip(self.config["down_block_types"], self.channels, strict=True)):
            name = f"down_blocks.{i}"
            depths = per_block(self.depths[i], self.layers[i])
            for j in range(self.layers[i]):
                shapes |= self.resnet(f"{name}.resnets.{j}", into if j == 0 else out, out)
                if kind.startswith("CrossAttn"):
                    shapes |= self.transformer(f"{name}.attentions.{j}", out, self.cross[i], depths[j])
            if i < len(self.channels) - 1:
                shapes |= _conv(f"{name}.downsamplers.0.conv", out, out)
            into = out
        return shapes

    def mid(self) -> Shapes:
        """The block between."""
        kind, width = self.config["mid_block_type"], self.channels[-1]
        if kind is None:
            return {}
        shapes = self.resnet("mid_block.resnets.0", width, width)
        if kind == "UNetMidBlock2DCrossAttn":
            depth = per_block(self.depths[-1], 1)[0]
            shapes |= self.transformer("mid_block.attentions.0", width, self.cross[-1], depth)
            shapes |= self.resnet("mid_block.resnets.1", width, width)
        return shapes

    def up(self) -> Shapes:
        """All up blocks; each residual block reads the one before it and what a down block left."""
        shapes: Shapes = {}
        widths, layers, cross = self.channels[::-1], self.layers[::-1], self.cross[::-1]
        depths = self.config["reverse_transformer_layers_per_block"] or self.depths[::-1]
        before = widths[0]
        for i, (kind, out) in enumerate(zip(self.config["up_block_types"], widths, strict=True)):
            name, count = f"up_blocks.{i}", layers[i] + 1
            left = widths[min(i + 1, len(widths) - 1)]
            depth = per_block(depths[i], count)
            for j in range(count):
                into = (before if j == 0 else out) + (left if j == count - 1 else out)
                shapes |= self.resnet(f"{name}.resnets.{j}", into, out)
                if kind.startswith("CrossAttn"):
                    shapes |= self.transformer(f"{name}.attentions.{j}", out, cross[i], depth[j])
            if i < len(widths) - 1:
                shapes |= _conv(f"{name}.upsamplers.0.conv", out, out)
            before = out
        return shapes

    def added(self) -> Shapes:
        """What is added to the time embedding."""
        kind, cross = self.config["addition_embed_type"], self.cross[0]
        if kind == "text_time":
            wide = self.config["projection_class_embeddings_input_dim"]
            return _linear("add_embedding.linear_1", self.time, wide) | _linear(
                "add_embedding.linear_2", self.time, self.time
            )
        if kind is None:
            return {}
        shapes: Shapes = {"add_embedding.pool.positional_embedding": (1, cross)}
        for one in "kqv":
            shapes |= _linear(f"add_embedding.pool.{one}_proj", cross, cross)
        shapes |= _norm("add_embedding.norm1", cross) | _norm("add_embedding.norm2", self.time)
        return shapes | _linear("add_embedding.proj", self.time, cross)


def _unet(config: Config) -> Shapes:
    net = _UNet(config)
    first = net.channels[0]
    shapes = _conv("conv_in", first, config["in_channels"], config["conv_in_kernel"])
    shapes |= _linear("time_embedding.linear_1", net.time, first)
    shapes |= _linear("time_embedding.linear_2", net.time, net.time)
    if config["time_cond_proj_dim"] is not None:
        shapes |= _linear("time_embedding.cond_proj", first, config["time_cond_proj_dim"], bias=False)
    shapes |= net.added() | net.down() | net.mid() | net.up() | _norm("conv_norm_out", first)
    return shapes | _conv("conv_out", config["out_channels"], first, config["conv_out_kernel"])


def _transformer_block(name: str, width: int, cross: int) -> Shapes:
    shapes: Shapes = {}
    for number, context in ((1, width), (2, cross)):
        attention = f"{name}.attn{number}"
        shapes |= _linear(f"{attention}.to_q", width, width, bias=False)
        shapes |= _linear(f"{attention}.to_k", width, context, bias=False)
        shapes |= _linear(f"{attention}.to_v", width, context, bias=False)
        shapes |= _linear(f"{attention}.to_out.0", width, width)
    for number in (1, 2, 3):
        shapes |= _norm(f"{name}.norm{number}", width)
    return shapes | _linear(f"{name}.ff.net.0.proj", 8 * width, width) | _linear(f"{name}.ff.net.2", width, 4 * width)


def _vae(config: Config) -> Shapes:
    channels, latents, layers = config["block_out_channels"], config["latent_channels"], config["layers_per_block"]
    last, attention = channels[-1], config["mid_block_add_attention"]
    shapes = _conv("encoder.conv_in", channels[0], config["in_channels"])
    shapes |= _vae_blocks("encoder.down_blocks", channels, layers, "downsamplers")
    shapes |= _vae_middle("encoder.mid_block", last, attention=attention)
    shapes |= _norm("encoder.conv_norm_out", last) | _conv("encoder.conv_out", 2 * latents, last)
    shapes |= _conv("decoder.conv_in", last, latents) | _vae_middle("decoder.mid_block", last, attention=attention)
    shapes |= _vae_blocks("decoder.up_blocks", channels[::-1], layers + 1, "upsamplers")
    shapes |= _norm("decoder.conv_norm_out", channels[0])
    shapes |= _conv("decoder.conv_out", config["out_channels"], channels[0])
    if config["use_quant_conv"]:
        shapes |= _conv("quant_conv", 2 * latents, 2 * latents, 1)
    return shapes | (_conv("post_quant_conv", latents, latents, 1) if config["use_post_quant_conv"] else {})


def _vae_blocks(name: str, channels: Sequence[int], layers: int, samplers: str) -> Shapes:
    shapes: Shapes = {}
    into = channels[0]
    for i, out in enumerate(channels):
        for j in range(layers):
            shapes |= _resnet(f"{name}.{i}.resnets.{j}", into if j == 0 else out, out)
        if i < len(channels) - 1:
            shapes |= _conv(f"{name}.{i}.{samplers}.0.conv", out, out)
        into = out
    return shapes


def _vae_middle(name: str, width: int, *, attention: bool) -> Shapes:
    shapes = _resnet(f"{name}.resnets.0", width, width) | _resnet(f"{name}.resnets.1", width, width)
    if attention:
        shapes |= _norm(f"{name}.attentions.0.group_norm", width)
        for one in ("to_q", "to_k", "to_v", "to_out.0"):
            shapes |= _linear(f"{name}.attentions.0.{one}", width, width)
    return shapes


def _text(config: Config, projection: bool) -> Shapes:
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes: Shapes = {
        "embeddings.token_embedding.weight": (config["vocab_size"], width),
        "embeddings.position_embedding.weight": (config["max_position_embeddings"], width),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{number}"
        for one in "kvq":
            shapes |= _linear(f"{layer}.self_attn.{one}_proj", width, width)
        shapes |= _linear(f"{layer}.self_attn.out_proj", width, width)
        shapes |= _norm(f"{layer}.layer_norm1", width) | _norm(f"{layer}.layer_norm2", width)
        shapes |= _linear(f"{layer}.mlp.fc1", inner, width) | _linear(f"{layer}.mlp.fc2", width, inner)
    shapes |= _norm("final_layer_norm", width)
    return shapes | (_linear("text_projection", config["projection_dim"], width, bias=False) if projection else {})
