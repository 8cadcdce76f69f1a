//! Any bytes in the packets of a subtitle track, of every codec and compression.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| demux_fuzz::use_film(&demux_fuzz::with_packets(input.0, input.1)));
