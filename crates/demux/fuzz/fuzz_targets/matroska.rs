//! Any bytes in the segment of a Matroska file.
#![no_main]

const BEGINNING: &[u8] = b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| demux_fuzz::use_film(&[BEGINNING, bytes].concat()));
