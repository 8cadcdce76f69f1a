"""`python -m world --seed N --minutes M --out clip.mp4 --truth clip.json`"""

import argparse
import json

from .encode import write_clip
from .questions import ask_clip
from .scenes import TICKS_PER_SECOND, Plan, make_plan


def truth_of(plan: Plan) -> dict:
    """Everything there is to know about a clip, in seconds."""
    at = lambda tick: round(tick / TICKS_PER_SECOND, 4)
    runs = [(s.thing, at(s.start), at(s.end)) for s in plan.scenes]
    events = [{"start_s": s, "end_s": e, "kind": t.kind, "shape": t.shape, "color": t.color, "word": t.word,
               "label_en": t.label_en, "label_zh": t.label_zh} for t, s, e in runs]
    return {"seed": plan.seed, "duration_s": at(plan.end), "events": events,
            "questions": ask_clip(plan.seed, runs)}


def main() -> None:
    """Render one clip and write its truth."""
    parser = argparse.ArgumentParser(prog="world", description="Render one clip of the synthetic world.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=1.0, help="length; fractions are fine")
    parser.add_argument("--out", required=True, help="H.264 file to write (.mp4)")
    parser.add_argument("--truth", required=True, help="truth file to write (.json)")
    args = parser.parse_args()
    plan = make_plan(args.seed, args.minutes)
    write_clip(plan, args.out)
    with open(args.truth, "w", encoding="utf-8") as f:
        json.dump(truth_of(plan), f, ensure_ascii=False, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
