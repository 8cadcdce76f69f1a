#!/usr/bin/env bash
# Makes the broken and unusual clips of fixtures/bad/ (committed: a few kilobytes each). Needs FFmpeg with libx265.
set -euo pipefail
cd "$(dirname "$0")/fixtures/bad"
quiet=(-hide_banner -loglevel error -y)
ffmpeg "${quiet[@]}" -f lavfi -i sine=frequency=440:duration=2 -c:a aac -b:a 32k audio-only.mp4
ffmpeg "${quiet[@]}" -f lavfi -i testsrc2=size=160x96:rate=10:duration=2 -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 hevc.mp4
# H.264 cannot be smaller than its 2x2 chroma block; a 1x1 picture is a cropped one, VP9 can hold it.
ffmpeg "${quiet[@]}" -f lavfi -i color=red:size=2x2:rate=10:duration=1 -vf crop=1:1:0:0:exact=1,format=yuv444p -c:v libvpx-vp9 one-pixel.mp4
# A track whose samples all last zero ticks.
ffmpeg "${quiet[@]}" -f lavfi -i color=blue:size=64x64:rate=10:duration=0.1 -c:v libx264 -preset ultrafast zero.tmp.mp4
python3 - <<'PY'
import struct
data = bytearray(open("zero.tmp.mp4", "rb").read())
for box, at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24), (b"stts", 16)):
    i = data.find(box)
    while i >= 0:
        struct.pack_into(">I", data, i + at, 0)
        i = data.find(box, i + 4)
i = data.find(b"elst")
if i >= 0:
    struct.pack_into(">I", data, i + 12, 0)
open("zero-duration.mp4", "wb").write(data)
PY
rm zero.tmp.mp4
