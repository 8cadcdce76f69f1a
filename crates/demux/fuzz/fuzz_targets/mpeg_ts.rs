//! Any bytes in the packets of a transport stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let packet = |content: &[u8]| {
        let mut packet = [0xFF; 188];
        packet[0] = 0x47;
        packet[1..=content.len()].copy_from_slice(content);
        packet
    };
    demux_fuzz::use_film(&bytes.chunks(187).flat_map(packet).collect::<Vec<_>>());
});
