//! Dimensions of the published models, from their `config.json`, so that nothing has to be downloaded to know what fits.

use serde_json::json;

use super::Dimensions;

/// The sizes there are, as Instruct and as Thinking.
pub const PUBLISHED: [&str; 6] = ["2B", "4B", "8B", "32B", "30B-A3B", "235B-A22B"];

/// Sizes of one model.
struct Size {
    hidden: u32,
    layers: u32,
    query_heads: u32,
    kv_heads: u32,
    mlp: u32,
    /// Width of an expert; none for the dense models.
    expert: Option<u32>,
    tied: bool,
    /// Depth, width and MLP of the vision tower.
    vision: [u32; 3],
}

const SMALL_EYE: [u32; 3] = [24, 1024, 4096];
const LARGE_EYE: [u32; 3] = [27, 1152, 4304];

fn size(name: &str) -> Option<Size> {
    let dense = |hidden, layers, query_heads, mlp, tied, vision| Size {
        hidden,
        layers,
        query_heads,
        kv_heads: 8,
        mlp,
        expert: None,
        tied,
        vision,
    };
    let sparse = |hidden, layers, query_heads, mlp, expert| Size {
        kv_heads: 4,
        expert: Some(expert),
        ..dense(hidden, layers, query_heads, mlp, false, LARGE_EYE)
    };
    Some(match name {
        "2B" => dense(2048, 28, 16, 6144, true, SMALL_EYE),
        "4B" => dense(2560, 36, 32, 9728, true, SMALL_EYE),
        "8B" => dense(4096, 36, 32, 12_288, false, LARGE_EYE),
        "32B" => dense(5120, 64, 64, 25_600, false, LARGE_EYE),
        "30B-A3B" => sparse(2048, 48, 32, 6144, 768),
        "235B-A22B" => sparse(4096, 94, 64, 12_288, 1536),
        _ => return None,
    })
}

pub(super) fn find(name: &str) -> Option<Dimensions> {
    let name = name.trim().trim_end_matches('/').to_ascii_uppercase();
    let name = name.rsplit('/').next()?;
    let name = name.strip_prefix("QWEN3-VL-").unwrap_or(name);
    let name = ["-INSTRUCT", "-THINKING"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let Size { hidden, layers, query_heads, kv_heads, mlp, expert, tied, vision: [depth, width, eye_mlp] } =
        size(name)?;
    let taps = if depth == 24 { [5, 11, 17] } else { [8, 16, 24] };
    let mut text = json!({
        "vocab_size": 151_936, "hidden_size": hidden, "intermediate_size": mlp, "num_hidden_layers": layers,
        "num_attention_heads": query_heads, "num_key_value_heads": kv_heads, "head_dim": 128,
        "max_position_embeddings": 262_144, "tie_word_embeddings": tied,
    });
    if let (Some(expert), Some(text)) = (expert, text.as_object_mut()) {
        text.insert("num_experts".into(), json!(128));
        text.insert("num_experts_per_tok".into(), json!(8));
        text.insert("moe_intermediate_size".into(), json!(expert));
    }
    let vision = json!({
        "depth": depth, "hidden_size": width, "intermediate_size": eye_mlp, "num_heads": 16, "out_hidden_size": hidden,
        "deepstack_visual_indexes": taps,
    });
    Dimensions::from_json(&json!({ "text_config": text, "vision_config": vision })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        for name in ["8B", "8b", "Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Thinking", "qwen3-vl-8b"] {
            assert_eq!(find(name).map(|model| model.text.hidden_size), Some(4096), "{name}");
        }
        assert!(PUBLISHED.iter().all(|name| find(name).is_some()));
        assert!(find("7B").is_none() && find("").is_none());
    }
}
