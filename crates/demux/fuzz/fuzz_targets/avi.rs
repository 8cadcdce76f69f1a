//! Any bytes in the list of an AVI file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| demux_fuzz::use_film(&[b"RIFF\xFF\xFF\xFF\xFFAVI ", bytes].concat()));
