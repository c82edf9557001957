#!/bin/sh
# Makes the demo's clip: scripts/make-clip.sh [OUTPUT]        (needs ffmpeg with libx264 and libopus)
#
# 10 s, 640x360, 30 frames per second, H.264 with a key frame each second and no B-frames, Opus with a soft tone and a beep
# each second. It loops without a seam. The strip of blocks at the top left is the frame counter that
# src/media/frame-counter.ts reads; the two files belong together.
set -eu

output=${1:-$(dirname "$0")/../media/clip.mp4}
font=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf}
seconds=10
rate=30
block=24

[ -r "$font" ] || { echo "make-clip: no font at $font; install fonts-dejavu-core or set FONT" >&2; exit 1; }

# The strip: a white block, a black block, then 16 bits of the frame number, most significant first.
picture="drawbox=x=0:y=0:w=$((18 * block)):h=$block:color=black:t=fill"
picture="$picture,drawbox=x=0:y=0:w=$block:h=$block:color=white:t=fill"
bit=0
while [ "$bit" -lt 16 ]; do
  x=$(((17 - bit) * block))
  picture="$picture,drawbox=x=$x:y=0:w=$block:h=$block:color=white:t=fill:enable='bitand(n,$((1 << bit)))'"
  bit=$((bit + 1))
done
picture="$picture,drawtext=fontfile='$font':timecode='00\\:00\\:00\\:00':rate=$rate:fontsize=40:fontcolor=white"
picture="$picture:box=1:boxcolor=black@0.6:boxborderw=8:x=(w-tw)/2:y=h-th-24"

# Whole numbers of cycles in the clip, so that the sound loops too.
tone="0.06*sin(2*PI*220*t)+0.4*sin(2*PI*880*t)*lt(mod(t,1),0.1)"

ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "testsrc2=size=640x360:rate=$rate:duration=$seconds,$picture" \
  -f lavfi -i "aevalsrc=exprs='$tone|$tone':sample_rate=48000:duration=$seconds" \
  -map 0:v -map 1:a -pix_fmt yuv420p \
  -c:v libx264 -profile:v main -preset veryslow -refs 2 -crf 25 -maxrate 1000k -bufsize 500k \
  -bf 0 -g "$rate" -keyint_min "$rate" -sc_threshold 0 -x264-params open-gop=0 \
  -c:a libopus -b:a 64k -vbr constrained \
  -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -movflags +faststart \
  -t "$seconds" "$output"
