#!/bin/sh
# Makes the files that the demuxer's times are compared on, with FFmpeg, into the folder $1. Idempotent.
set -eu
out=$1
mkdir -p "$out"
cd "$out"

make() { # NAME ARGS… — one file, made once, never half
    name=$1
    shift
    [ -s "$name" ] && return
    ffmpeg -nostdin -hide_banner -loglevel error -y "$@" -f "$(container "$name")" "part-$name"
    mv "part-$name" "$name"
}
container() { case $1 in *.mov) echo mov ;; *.webm) echo webm ;; *.avi) echo avi ;; *.mkv) echo matroska ;; *.ts | *.m2ts) echo mpegts ;; *.flv) echo flv ;; *.mpg) echo mpeg ;; *.m4a) echo ipod ;; *) echo mp4 ;; esac; }

film() { echo "-f lavfi -i testsrc2=size=160x120:rate=$1:duration=$2"; }
x264="-c:v libx264 -preset veryfast -pix_fmt yuv420p"

# Rates
make r23976.mp4 $(film 24000/1001 6) $x264
make r2997.mp4 $(film 30000/1001 6) $x264
make r5994.mp4 $(film 60000/1001 4) $x264
make r25.mp4 $(film 25 6) $x264
make r60.mp4 $(film 60 4) $x264
make scale600.mov $(film 30 5) $x264 -video_track_timescale 600
make scale90k.mp4 $(film 30000/1001 5) $x264 -video_track_timescale 90000
make ties.mp4 $(film 25 4) $x264 -vf "settb=1/12800,setpts=N*500+4*mod(N\,7)+mod(N*37\,91)" -vsync passthrough -video_track_timescale 12800
# Variable rate: gaps, bursts, dropped frames
make vfr.mp4 $(film 30 8) $x264 -vf "select='not(mod(n\,3))+gt(sin(n)\,0.3)'" -vsync vfr
make vfr-gap.mp4 $(film 30 8) $x264 -vf "select='lt(t\,2)+gt(t\,6)'" -vsync vfr
# Groups and reordering
make bframes.mp4 $(film 25 6) $x264 -bf 3 -g 25
make pyramid.mp4 $(film 24 10) $x264 -bf 8 -b_strategy 0 -g 240 -x264-params b-pyramid=normal:ref=4
make noreorder.mp4 $(film 25 4) $x264 -bf 0 -g 10
make opengop.mp4 $(film 25 12) $x264 -bf 3 -g 25 -x264-params open-gop=1:scenecut=0
make intra.mov $(film 25 2) -c:v mjpeg
# Where the index is, and how
make faststart.mp4 $(film 25 4) $x264 -movflags +faststart
make fragmented.mp4 $(film 25 6) $x264 -g 25 -movflags +frag_keyframe+empty_moov
make fragmented-cmaf.mp4 $(film 30000/1001 6) $x264 -g 30 -movflags +cmaf+frag_keyframe
make fragmented-base.mp4 $(film 25 6) $x264 -g 25 -movflags +frag_keyframe+empty_moov+default_base_moof
make fragmented-hybrid.mp4 $(film 25 6) $x264 -g 25 -movflags +frag_keyframe
make fragmented-negative.mp4 $(film 25 6) $x264 -g 25 -movflags +frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets
make negative.mp4 $(film 25 6) $x264 -g 25 -movflags +negative_cts_offsets
make quicktime.mov $(film 25 4) $x264
# Start offsets and cuts
make offset.mp4 $(film 25 4) $x264 -output_ts_offset 1.5
make offset-noedit.mp4 $(film 25 4) $x264 -output_ts_offset 1.5 -use_editlist 0
make noedit.mp4 $(film 25 4) $x264 -use_editlist 0
make cut.mp4 -ss 1.37 -i bframes.mp4 -c copy
make cut-open.mp4 -ss 3.45 -i opengop.mp4 -t 4 -c copy
make cut-2997.mp4 -ss 2.05 -i r2997.mp4 -t 2.7 -c copy
make cut-pyramid.mp4 -ss 4.321 -i pyramid.mp4 -c copy
# Turned and stretched pictures
make turned90.mp4 -display_rotation 90 -i r25.mp4 -c copy 2>/dev/null || make turned90.mp4 -i r25.mp4 -c copy -metadata:s:v:0 rotate=270
make wide.mp4 $(film 25 2) $x264 -aspect 16:9
# Several tracks, sound first and interleaved
make sound.mp4 -f lavfi -i sine=frequency=440:duration=6 $(film 25 6) $x264 -map 0:a -map 1:v -c:a aac
make two-videos.mp4 $(film 25 4) $(film 30 4) -map 0:v -map 1:v $x264
make fragmented-sound.mp4 -f lavfi -i sine=frequency=440:duration=6 $(film 25 6) $x264 -g 25 -map 0:a -map 1:v -c:a aac -movflags +frag_keyframe+empty_moov
make audio-only.m4a -f lavfi -i sine=frequency=440:duration=2 -c:a aac
# Other codecs (where this FFmpeg has the encoder)
have() { ffmpeg -hide_banner -encoders 2>/dev/null | grep -q " $1 "; }
if have libx265; then make hevc.mp4 $(film 25 3) -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 -pix_fmt yuv420p; fi
if have libvpx-vp9; then make vp9.mp4 $(film 25 3) -c:v libvpx-vp9 -deadline realtime -cpu-used 8; fi
if have libaom-av1; then make av1.mp4 $(film 25 1) -c:v libaom-av1 -cpu-used 8 -usage realtime; fi
make mpeg4.mp4 $(film 25 3) -c:v mpeg4 -bf 2
make gop1s.mp4 $(film 25 6) $x264 -g 25 -keyint_min 25 -sc_threshold 0
make opengop10s.mp4 $(film 25 22) $x264 -bf 3 -g 250 -x264-params open-gop=1:scenecut=0
printf "file gop1s.mp4\nfile bframes.mp4\n" > concat.txt
make concatenated.mp4 -f concat -i concat.txt -c copy

# Matroska and WebM: what is above, in the other container
for name in r23976 r2997 r5994 vfr vfr-gap bframes pyramid opengop opengop10s gop1s wide; do make $name.mkv -i $name.mp4 -c copy; done
make offset.mkv $(film 25 4) $x264 -output_ts_offset 1.5
make cut.mkv -ss 1.37 -i bframes.mp4 -c copy
make cut-open.mkv -ss 3.45 -i opengop.mkv -t 4 -c copy
make concatenated.mkv -f concat -i concat.txt -c copy
make sound.mkv -f lavfi -i sine=frequency=440:duration=6 $(film 25 6) $x264 -map 0:a -map 1:v -c:a aac
make clusters.mkv $(film 25 6) $x264 -cluster_time_limit 120
make cues-first.mkv $(film 25 4) $x264 -cues_to_front 1
make live.mkv $(film 25 4) $x264 -live 1
make coloured.mkv $(film 25 1) $x264 -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv
make vp8.webm $(film 25 4) -c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k -g 40
make plain.webm $(film 25 4) -c:v libvpx -deadline realtime -cpu-used 8
make piped.webm -i plain.webm -c copy -live 1
if have libvpx-vp9; then make vp9.webm $(film 30000/1001 4) -c:v libvpx-vp9 -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k -g 50; make vp9.mkv -i vp9.mp4 -c copy; fi
if have libaom-av1; then make av1.webm -i av1.mp4 -c copy; fi
if have libx265; then make hevc.mkv -i hevc.mp4 -c copy; fi
make mpeg4.mkv -i mpeg4.mp4 -c copy
make mpeg2.mkv $(film 25 2) -c:v mpeg2video -bf 2
make mjpeg.mkv $(film 25 2) -c:v mjpeg
make vfw.mkv $(film 25 2) -c:v msmpeg4

# AVI
make mpeg4.avi $(film 25 2) -c:v mpeg4 -vtag XVID
make mpeg4-b.avi $(film 25 4) -c:v mpeg4 -bf 2 -g 20
if have libxvid; then make packed.avi $(film 25 4) -c:v libxvid -bf 2; fi
make mjpeg.avi $(film 30000/1001 3) -c:v mjpeg
make h264.avi $(film 24000/1001 4) $x264 -bf 0 -g 24
make h264-b.avi $(film 25 6) $x264 -bf 4 -g 25
make h264-open.avi $(film 25 8) $x264 -bf 3 -g 25 -x264-params open-gop=1:scenecut=0
make sound.avi -f lavfi -i sine=frequency=440:duration=3 $(film 25 3) -map 0:a -map 1:v -c:v mpeg4 -c:a mp2
make wide.avi $(film 25 1) -c:v mpeg4 -aspect 16:9

# MPEG-TS
for name in r23976 r2997 r5994 vfr bframes pyramid opengop opengop10s gop1s noreorder; do make $name.ts -i $name.mp4 -c copy; done
make blu-ray.m2ts $(film 25 3) $x264 -g 25 -mpegts_m2ts_mode 1
make wraps.ts $(film 25 6) $x264 -output_ts_offset 95440 -muxdelay 0
make late.ts $(film 25 3) $x264 -output_ts_offset 36000
make sound.ts -f lavfi -i sine=frequency=440:duration=3 $(film 25 3) $x264 -map 0:a -map 1:v -c:a aac
make mpeg2.ts $(film 25 3) -c:v mpeg2video -bf 2 -g 12
make mpeg1.ts $(film 25 2) -c:v mpeg1video
make mpeg4.ts $(film 25 2) -c:v mpeg4
make interlaced.ts $(film 25 3) $x264 -flags +ildct+ilme -g 25
if have libx265; then make hevc.ts -i hevc.mp4 -c copy; fi

# Subtitles: one text in every container and codec
cat > words.srt <<'END'
1
00:00:00,500 --> 00:00:01,250
Hello <i>there</i> & you

2
00:00:01,250 --> 00:00:02,000
Two
lines, and a comma

3
00:00:03,037 --> 00:00:04,900
熵是混乱的度量

4
00:00:04,900 --> 00:00:05,501
<b>Déjà vu</b>
END
words() { name=$1 codec=$2; shift 2; make $name $(film 25 6) -i words.srt -map 0:v -map 1:s $x264 -bf 0 -g 25 -c:s $codec "$@"; }
words tx3g.mp4 mov_text -metadata:s:s:0 language=zho
words tx3g-forced.mp4 mov_text -metadata:s:s:0 language=eng -disposition:s:0 forced
words text.mov mov_text -metadata:s:s:0 language=ger
words tx3g-fragmented.mp4 mov_text -movflags +frag_keyframe+empty_moov+default_base_moof
make tx3g-sound.mp4 -f lavfi -i sine=frequency=440:duration=6 $(film 25 6) -i words.srt -map 0:a -map 1:v -map 2:s -c:a aac $x264 -c:s mov_text
words stpp.mp4 ttml
words utf8.mkv srt -metadata:s:s:0 language=chi -metadata:s:s:0 title=字幕 -disposition:s:0 default
words ass.mkv ass -metadata:s:s:0 language=eng -disposition:s:0 forced
words webvtt.mkv webvtt -metadata:s:s:0 language=und
make webvtt.webm -i plain.webm -i words.srt -map 0:v -map 1:s -c:v copy -c:s webvtt
make three.mkv $(film 25 6) -i words.srt -i words.srt -itsoffset 0.25 -i words.srt -map 0:v -map 1:s -map 2:s -map 3:s $x264 -c:s:0 srt -c:s:1 ass -c:s:2 srt -metadata:s:s:1 language=fre
make offset-words.mp4 $(film 25 6) -i words.srt -map 0:v -map 1:s $x264 -c:s mov_text -output_ts_offset 1.5
make offset-words.mkv $(film 25 6) -i words.srt -map 0:v -map 1:s $x264 -c:s srt -output_ts_offset 1.5
printf ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=6000\ntitle=Two\n' > chapters.txt
make chapters.mp4 $(film 25 6) -i words.srt -i chapters.txt -map 0:v -map 1:s -map_chapters 2 $x264 -c:s mov_text

# Sound
sound() { name=$1 rate=$2 channels=$3; shift 3; make $name $(film 25 2) -f lavfi -i "sine=frequency=440:duration=2:sample_rate=48000" -map 0:v -map 1:a $x264 -c:a "$@" -ar $rate -ac $channels; }
sound sound-aac.mp4 44100 2 aac
sound sound-aac-fragmented.mp4 48000 1 aac -movflags +frag_keyframe+empty_moov+default_base_moof
sound sound-aac.mov 44100 1 aac
sound sound-opus.mp4 48000 2 libopus
sound sound-flac.mp4 44100 2 flac -strict -2
sound sound-mp3.mp4 44100 2 libmp3lame
sound sound-pcm.mov 44100 2 pcm_s16le
sound sound-pcm24.mov 48000 1 pcm_s24le
sound sound-aac.mkv 22050 1 aac
sound sound-opus.webm 48000 2 libopus -c:v libvpx
sound sound-vorbis.webm 44100 2 libvorbis -c:v libvpx
sound sound-flac.mkv 48000 1 flac
sound sound-pcm.mkv 44100 2 pcm_s16le
sound sound.avi 44100 2 libmp3lame
sound sound.ts 44100 2 aac
make sound-late.mp4 $(film 25 2) -itsoffset 0.5 -f lavfi -i sine=frequency=440:duration=1:sample_rate=44100 -map 0:v -map 1:a $x264 -c:a aac
make sound-cenc.mp4 -i sound-aac.mp4 -c copy -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8

# Hours long, and protected
make hours.mp4 -f lavfi -i testsrc2=size=64x48:rate=1/2:duration=10800 $x264 -g 30
make hours.mkv -i hours.mp4 -c copy
make cenc.mp4 $(film 25 1) $x264 -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8

# Recognised and named only
make other.flv $(film 25 1) -c:v flv1
make other.mpg $(film 25 1) -c:v mpeg1video
