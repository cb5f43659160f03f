"""The two demo architectures in plain PyTorch, with their configurations and checkpoints in Hugging Face's layout."""

import dataclasses
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

ORIGINAL = 1024  # positions most of the training sees
LONGEST = 4096


@dataclasses.dataclass
class Shape:
    family: str
    vocabulary: int = 4096
    hidden: int = 256
    intermediate: int = 768
    layers: int = 6
    heads: int = 8
    kv_heads: int = 4
    tied: bool = False
    theta: float = 10000.0
    eps: float = 1e-5

    @property
    def width(self):
        return self.hidden // self.heads


SHAPES = {
    "phi": Shape("phi"),
    "llama": Shape("llama", intermediate=640, kv_heads=2, tied=True),
}


def long_factors(shape):
    """Per-frequency stretch to 4096 positions: none where a wave repeats 8 times within 1024, all where it does not
    once (the ramp of YaRN, arXiv:2309.00071)."""
    factors = []
    for i in range(shape.width // 2):
        turns = ORIGINAL / (2 * math.pi * shape.theta ** (2 * i / shape.width))
        share = min(max((8 - turns) / 7, 0), 1)
        factors.append(round(1 + share * (LONGEST / ORIGINAL - 1), 2))
    return factors


def configuration(shape, bos, eos, pad):
    common = {
        "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": bos, "eos_token_id": eos, "hidden_act": "silu",
        "hidden_size": shape.hidden, "initializer_range": 0.02, "intermediate_size": shape.intermediate,
        "max_position_embeddings": LONGEST, "num_attention_heads": shape.heads, "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads, "pad_token_id": pad, "rms_norm_eps": shape.eps,
        "rope_theta": shape.theta, "tie_word_embeddings": shape.tied, "torch_dtype": "bfloat16",
        "use_cache": True, "vocab_size": shape.vocabulary,
    }
    if shape.family == "phi":
        own = {
            "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "embd_pdrop": 0.0, "resid_pdrop": 0.0,
            "original_max_position_embeddings": ORIGINAL, "sliding_window": None,
            "rope_scaling": {
                "long_factor": long_factors(shape),
                "short_factor": [round(1 + 0.02 * i, 2) for i in range(shape.width // 2)],
                "type": "longrope",
            },
        }
    else:
        own = {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "head_dim": shape.width, "mlp_bias": False,
            "pretraining_tp": 1,
            "rope_scaling": {
                "factor": LONGEST / ORIGINAL, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                "original_max_position_embeddings": ORIGINAL, "rope_type": "llama3",
            },
        }
    return dict(sorted({**common, **own}.items()))


def rotary(config, length, device):
    """Cosine and sine tables [length, width]."""
    width = config["hidden_size"] // config["num_attention_heads"]
    frequencies = config["rope_theta"] ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    scaling, scale = config["rope_scaling"], 1.0
    if config["model_type"] == "phi3":
        factors = scaling["long_factor" if length > ORIGINAL else "short_factor"]
        frequencies = frequencies / torch.tensor(factors, dtype=torch.float64)
        scale = math.sqrt(1 + math.log(LONGEST / ORIGINAL) / math.log(ORIGINAL))
    else:
        turns = ORIGINAL * frequencies / (2 * math.pi)
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        share = ((turns - low) / (high - low)).clamp(0, 1)
        frequencies = frequencies * (share + (1 - share) / scaling["factor"])
    angles = torch.outer(torch.arange(length, dtype=torch.float64), frequencies).repeat(1, 2)
    return (angles.cos() * scale).float().to(device), (angles.sin() * scale).float().to(device)


def rotate(x, cosine, sine):
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-second, first), dim=-1) * sine


class Norm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps) * self.weight).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.heads, self.kv_heads, self.width = shape.heads, shape.kv_heads, shape.width
        queries, keys = shape.hidden, shape.kv_heads * shape.width
        self.fused = shape.family == "phi"
        if self.fused:
            self.qkv_proj = nn.Linear(shape.hidden, queries + 2 * keys, bias=False)
        else:
            self.q_proj = nn.Linear(shape.hidden, queries, bias=False)
            self.k_proj = nn.Linear(shape.hidden, keys, bias=False)
            self.v_proj = nn.Linear(shape.hidden, keys, bias=False)
        self.o_proj = nn.Linear(queries, shape.hidden, bias=False)

    def forward(self, x, cosine, sine):
        batch, length, hidden = x.shape
        if self.fused:
            keys = self.kv_heads * self.width
            q, k, v = self.qkv_proj(x).split((hidden, keys, keys), dim=-1)
        else:
            q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q, k, v = (t.view(batch, length, -1, self.width).transpose(1, 2) for t in (q, k, v))
        q, k = rotate(q, cosine, sine).to(v.dtype), rotate(k, cosine, sine).to(v.dtype)
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):  # both can be deterministic
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, hidden))


class Feedforward(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.fused = shape.family == "phi"
        if self.fused:
            self.gate_up_proj = nn.Linear(shape.hidden, 2 * shape.intermediate, bias=False)
        else:
            self.gate_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
            self.up_proj = nn.Linear(shape.hidden, shape.intermediate, bias=False)
        self.down_proj = nn.Linear(shape.intermediate, shape.hidden, bias=False)

    def forward(self, x):
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1) if self.fused else (self.gate_proj(x), self.up_proj(x))
        return self.down_proj(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.input_layernorm = Norm(shape.hidden, shape.eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = Norm(shape.hidden, shape.eps)
        self.mlp = Feedforward(shape)

    def forward(self, x, cosine, sine):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.hidden)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.hidden, shape.eps)

    def forward(self, ids, cosine, sine):
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, cosine, sine)
        return self.norm(x)


class Network(nn.Module):
    """Module names are the checkpoint's."""

    def __init__(self, shape):
        super().__init__()
        self.model = Trunk(shape)
        self.lm_head = nn.Linear(shape.hidden, shape.vocabulary, bias=False)
        self.tied = shape.tied
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * shape.layers) if residual else 0.02)
        if shape.tied:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, ids, cosine, sine):
        return self.lm_head(self.model(ids, cosine, sine))

    def loss(self, ids, targets, cosine, sine):
        logits = self(ids, cosine, sine)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def save(network, config, generation, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.to(torch.bfloat16).cpu().contiguous() for name, value in network.state_dict().items()
               if not (network.tied and name == "lm_head.weight")}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def load(family, folder):
    network = Network(SHAPES[family])
    tensors = {name: value.float() for name, value in load_file(pathlib.Path(folder) / "model.safetensors").items()}
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    if unexpected or [m for m in missing if not (network.tied and m == "lm_head.weight")]:
        raise SystemExit(f"{folder}: tensors missing {missing}, unexpected {unexpected}")
    return network, json.loads((pathlib.Path(folder) / "config.json").read_text())
