//! Later sources win, and whatever is wrong is told with its place, its name and what would be right.

use std::fs;

use super::*;

fn load(file: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Config, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    fs::write(&path, file).unwrap();
    let variables: Vec<_> = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Config::from_sources(None, &path, &variables, flags)
}

#[test]
fn defaults_file_variables_and_flags_win_in_this_order() {
    let file = "address: 0.0.0.0:1\ndevice: cpu\nprecision: Q4K\nthreads: 2\nsegment_cache: 1GiB\ncors_origins:\n  - https://a.org\n  - http://b.org:80\n";
    let variables = [("TIMEPIN_DEVICE", "cuda:1"), ("TIMEPIN_THREADS", "3"), ("TIMEPIN_SITE", ""), ("OTHER", "x")];
    let flags = Flags { threads: Some("4".into()), ..Flags::default() };
    let config = load(file, &variables, &flags).unwrap();
    assert_eq!(config.address.to_string(), "0.0.0.0:1");
    assert_eq!(config.device, "cuda:1");
    assert_eq!(config.precision, engine::Precision::Q4K);
    assert_eq!(config.threads, Some(4));
    assert_eq!(config.segment_cache, 1 << 30);
    assert_eq!(config.cors_origins, ["https://a.org", "http://b.org:80"]);
    assert_eq!(config.prefix_cache_videos, 128);
    let yaml = config.to_yaml();
    for line in ["threads: 4 ", "device: \"cuda:1\" ", "prefix_cache_videos: 128 "] {
        assert!(yaml.contains(line), "{yaml}");
    }
    assert!(yaml.contains("# --threads") && yaml.contains("# TIMEPIN_DEVICE") && yaml.contains("# default"), "{yaml}");
}

#[test]
fn what_config_prints_is_a_settings_file_again() {
    let config =
        load("max_context_length: 4096\nmodel: /a b/c\nenable_temporal_compression: true", &[], &Flags::default());
    let config = config.unwrap();
    let again = load(&config.to_yaml(), &[], &Flags::default()).unwrap();
    assert_eq!(Config { origins: BTreeMap::new(), ..again }, Config { origins: BTreeMap::new(), ..config });
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../config.example.yaml")).unwrap();
    let example = load(&example, &[], &Flags::default()).unwrap();
    assert_eq!(Config { origins: BTreeMap::new(), ..example }, Config::default());
}

#[test]
fn keys_are_in_force_and_never_shown() {
    let flags = Flags { api_key: Some("front-door".into()), ..Flags::default() };
    let variables = [("TIMEPIN_BACKEND_KEY", "back-door")];
    let config = load("backend_url: http://gpu:8000/v1\nbackend_model: Qwen/Qwen3-VL-8B", &variables, &flags).unwrap();
    assert_eq!(config.backend_key.as_ref().map(Secret::reveal), Some("back-door"));
    let shown = config.to_yaml();
    for line in
        ["# backend_key is set and not shown", "# api_key is set and not shown", "backend_model: Qwen/Qwen3-VL-8B "]
    {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.contains("# TIMEPIN_BACKEND_KEY") && shown.contains("# --api-key"), "{shown}");
    let refused = load("api_key: front door", &[], &Flags::default()).unwrap_err().to_string();
    for text in [shown, format!("{config:?}"), refused] {
        assert!(!text.contains("door"), "{text}");
    }
    // What is printed is a settings file all the same.
    assert_eq!(load(&config.to_yaml(), &[], &Flags::default()).unwrap().api_key, None);
    assert!(Config::default().to_yaml().contains("api_key: \"\" "));
}

#[test]
fn mistakes_are_told_with_place_name_and_remedy() {
    let told =
        |file: &str, variables: &[(&str, &str)]| load(file, variables, &Flags::default()).unwrap_err().to_string();
    let unknown = told("adress: 1", &[]);
    assert!(unknown.contains("config.yaml") && unknown.contains("did you mean `address`?"), "{unknown}");
    let nonsense = told("colour: red", &[]);
    assert!(nonsense.contains("there are address, data"), "{nonsense}");
    let value = told("", &[("TIMEPIN_THREADS", "many")]);
    assert_eq!(value, "TIMEPIN_THREADS: `many` is no value for `threads`; give auto or a number from 1 to 1024");
    for file in [
        "address: here",
        "device: tpu",
        "precision: q3k",
        "max_context_length: 9",
        "segment_cache: lots",
        "log_format: xml",
        "cors_origins: '*'",
        "enable_temporal_compression: maybe",
        "data: ''",
        "backend_url: gpu:8000",
        "backend_timeout: 0",
        "speech_model: ''",
    ] {
        let told = told(file, &[]);
        assert!(told.contains("is no value for") && told.contains("; give "), "{told}");
    }
    for file in ["just words", "- a\n- b", "data: {a: 1}", "data: [unclosed"] {
        let told = told(file, &[]);
        assert!(told.contains("is not a settings file"), "{told}");
    }
}

#[test]
fn a_file_asked_for_by_name_has_to_be_there() {
    let gone = Path::new("/nowhere/config.yaml");
    let error = Config::from_sources(Some(gone), gone, &[], &Flags::default()).unwrap_err();
    assert!(matches!(error, Error::Read { .. }) && error.to_string().contains("/nowhere/config.yaml"));
    assert!(Config::from_sources(None, gone, &[], &Flags::default()).is_ok());
}
