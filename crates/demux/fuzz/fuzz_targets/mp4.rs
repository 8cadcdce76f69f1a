//! Any bytes behind the first box of an MP4.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| demux_fuzz::use_film(&[b"\0\0\0\x08ftyp", bytes].concat()));
