//! Any bytes. Start from the corpus: `sh tests/corpus.sh fuzz/corpus/open`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| demux_fuzz::use_film(bytes));
