"""Turns a Whisper model from CTranslate2's format into the layout that Hugging Face publishes and Timepin reads.

Package registries carry Whisper in CTranslate2's format only; this makes of it the folder that `speech.model` names:
config.json, generation_config.json, tokenizer.json, model.safetensors (16 bit, as found).

    python training/whisper_ct2.py FOLDER OUT     # FOLDER: model.bin, config.json and tokenizer.json

The format is CTranslate2's binary version 6 (`python/ctranslate2/specs/model_spec.py`).
"""

import json
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
VERSION = 6


class Reader:
    """Little-endian fields of a file, one after another."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self) -> str:
        raw = self.bytes(self.number("H"))
        return raw[:-1].decode()

    def bytes(self, length: int) -> bytes:
        self.at += length
        return self.data[self.at - length : self.at]


def variables(path: Path) -> dict[str, np.ndarray]:
    reader = Reader(path.read_bytes())
    version, name = reader.number("I"), reader.text()
    if version != VERSION or name != "WhisperSpec":
        sys.exit(f"{path} is {name}, binary version {version}; WhisperSpec in version {VERSION} is read")
    reader.number("I")
    found = {}
    for _ in range(reader.number("I")):
        name = reader.text()
        shape = [reader.number("I") for _ in range(reader.number("B"))]
        dtype = DTYPES[reader.number("B")]
        found[name] = np.frombuffer(reader.bytes(reader.number("I")), dtype).reshape(shape)
    return found


def attention(source: dict, name: str, target: str, crossed: bool) -> dict[str, np.ndarray]:
    """Queries, keys and values are stacked in CTranslate2; keys have no bias in Whisper (it is zero there)."""

    def linear(index: int, parts: int) -> list:
        return list(
            zip(*(np.split(source[f"{name}/linear_{index}/{kind}"], parts) for kind in ("weight", "bias")), strict=True)
        )

    q, k, v = linear(0, 1) + linear(1, 2) if crossed else linear(0, 3)
    (out,) = linear(2 if crossed else 1, 1)
    assert not k[1].any(), f"{name}: a bias of keys"
    tensors = {f"{target}.k_proj.weight": k[0]}
    for part, (weight, bias) in {"q_proj": q, "v_proj": v, "out_proj": out}.items():
        tensors |= {f"{target}.{part}.weight": weight, f"{target}.{part}.bias": bias}
    return tensors


def norm(source: dict, name: str, target: str) -> dict[str, np.ndarray]:
    return {f"{target}.weight": source[f"{name}/gamma"], f"{target}.bias": source[f"{name}/beta"]}


def layer(source: dict, name: str, target: str) -> dict[str, np.ndarray]:
    tensors = attention(source, f"{name}/self_attention", f"{target}.self_attn", crossed=False)
    tensors |= norm(source, f"{name}/self_attention/layer_norm", f"{target}.self_attn_layer_norm")
    if f"{name}/attention/linear_0/weight" in source:
        tensors |= attention(source, f"{name}/attention", f"{target}.encoder_attn", crossed=True)
        tensors |= norm(source, f"{name}/attention/layer_norm", f"{target}.encoder_attn_layer_norm")
    tensors |= norm(source, f"{name}/ffn/layer_norm", f"{target}.final_layer_norm")
    for index, own in enumerate(("fc1", "fc2")):
        for kind in ("weight", "bias"):
            tensors[f"{target}.{own}.{kind}"] = source[f"{name}/ffn/linear_{index}/{kind}"]
    return tensors


def depth(source: dict, side: str) -> int:
    layers = {name.split("/")[1] for name in source if name.startswith(f"{side}/layer_")}
    return len(layers - {"layer_norm"})


def tensors_of(source: dict) -> dict[str, np.ndarray]:
    tensors = {}
    for side in ("encoder", "decoder"):
        target = f"model.{side}"
        tensors[f"{target}.embed_positions.weight"] = source[f"{side}/position_encodings/encodings"]
        tensors |= norm(source, f"{side}/layer_norm", f"{target}.layer_norm")
        for index in range(depth(source, side)):
            tensors |= layer(source, f"{side}/layer_{index}", f"{target}.layers.{index}")
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            tensors[f"model.encoder.{conv}.{kind}"] = source[f"encoder/{conv}/{kind}"]
    tensors["model.decoder.embed_tokens.weight"] = source["decoder/embeddings/weight"]
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def config_of(source: dict, tokens: dict[str, int]) -> dict:
    vocabulary, width = source["decoder/embeddings/weight"].shape
    config = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "vocab_size": vocabulary,
        "d_model": width,
        "num_mel_bins": source["encoder/conv1/weight"].shape[1],
        "max_source_positions": source["encoder/position_encodings/encodings"].shape[0],
        "max_target_positions": source["decoder/position_encodings/encodings"].shape[0],
        "scale_embedding": False,
        "decoder_start_token_id": tokens["<|startoftranscript|>"],
    }
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        config[key] = tokens["<|endoftext|>"]
    for side in ("encoder", "decoder"):
        config[f"{side}_layers"] = depth(source, side)
        config[f"{side}_attention_heads"] = int(source[f"{side}/num_heads"])
        config[f"{side}_ffn_dim"] = source[f"{side}/layer_0/ffn/linear_0/weight"].shape[0]
    return config


def generation_of(own: dict, config: dict, tokens: dict[str, int]) -> dict:
    languages = {
        name: number for name, number in tokens.items() if number in own["lang_ids"] and len(name) <= len("<|yue|>")
    }
    multilingual = config["vocab_size"] >= 51865
    generation = {
        "alignment_heads": own["alignment_heads"],
        "suppress_tokens": own["suppress_ids"],
        "begin_suppress_tokens": own["suppress_ids_begin"],
        "is_multilingual": multilingual,
        "no_timestamps_token_id": tokens["<|notimestamps|>"],
        "prev_sot_token_id": tokens["<|startofprev|>"],
        "max_initial_timestamp_index": 50,
        "max_length": config["max_target_positions"],
        "return_timestamps": False,
    }
    if multilingual:
        generation["lang_to_id"] = languages
        generation["task_to_id"] = {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate")}
    return generation | {
        key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
    }


def main(folder: Path, out: Path) -> None:
    source = variables(folder / "model.bin")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokens = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    config = config_of(source, tokens)
    generation = generation_of(json.loads((folder / "config.json").read_text()), config, tokens)
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors_of(source), out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    shutil.copy(folder / "tokenizer.json", out / "tokenizer.json")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
