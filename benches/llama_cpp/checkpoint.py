"""A checkpoint of `random_checkpoint.py` as a GGUF that llama.cpp reads: the decoder only, in bf16, without a tokenizer.

    python benches/llama_cpp/checkpoint.py FOLDER FILE.gguf

`bench` (beside this file) makes the other precisions of it with llama.cpp's own quantiser.
"""

import json
import sys
from pathlib import Path

import gguf
import torch
from safetensors.torch import load_file

PREFIX = "model.language_model."


def main():
    folder, file = Path(sys.argv[1]), sys.argv[2]
    text = json.loads((folder / "config.json").read_text())["text_config"]
    # To the decoder, text positions are what they are to Qwen3: the same layers, without the sections of the rotation.
    writer = gguf.GGUFWriter(file, "qwen3")
    writer.add_context_length(text["max_position_embeddings"])
    writer.add_embedding_length(text["hidden_size"])
    writer.add_block_count(text["num_hidden_layers"])
    writer.add_feed_forward_length(text["intermediate_size"])
    writer.add_head_count(text["num_attention_heads"])
    writer.add_head_count_kv(text["num_key_value_heads"])
    writer.add_key_length(text["head_dim"])
    writer.add_value_length(text["head_dim"])
    writer.add_rope_freq_base(text["rope_theta"])
    writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
    writer.add_vocab_size(text["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, text["num_hidden_layers"])
    for shard in sorted(folder.glob("*.safetensors")):
        for name, tensor in load_file(shard).items():
            if not name.startswith(PREFIX):
                continue
            own = names.get_name("model." + name.removeprefix(PREFIX).removesuffix(".weight")) + ".weight"
            if tensor.ndim == 1:
                writer.add_tensor(own, tensor.float().numpy())
            else:
                raw = tensor.to(torch.bfloat16).view(torch.uint8).numpy()
                writer.add_tensor(own, raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
