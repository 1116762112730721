#!/usr/bin/env python3
"""Turns what run.py has measured into what one reads.

    bench/report.py [--record NAME] [--note TEXT] [--build DIRECTORY]

--record keeps DIRECTORY/results.json as results/NAME.json; rows that were not measured this time
stay. Then each results/NAME.json gets a table, NAME.md, and all together the summary of README.md
and summary.svg. `make bench-record` does all of it.
"""
import argparse
import glob
import json
import math
import os
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results")
BEGIN, END = "<!-- The summary: report.py writes it. -->", "<!-- The end of the summary. -->"

# Programs that use nothing but the kernel, or the C library; all others are peers.
FLOORS = {
    "by hand",
    "by hand, a page each",
    "one poll",
    "pread",
    "preadv2",
    "recvmmsg, sendmmsg",
    "recvfrom, sendto",
    "OpenSSL, epoll",
    "32 threads",
    "1,000 threads",
}
# Of the others the least is best.
HIGHER_IS_BETTER = {"sleepers", "sleepers_10k", "post_flood", "executor_flood", "process_flood"}


def is_floor(who):
    return who in FLOORS or who.startswith("raw ")


def figure(value):
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def shown(cell):
    median, least, greatest, noisy = cell
    return f"{'~' if noisy else ''}{figure(median)} ({figure(least)}..{figure(greatest)})"


# One table for each machine.


def by_merit(metric, cells):
    return sorted(cells, key=lambda who: cells[who][0], reverse=metric in HIGHER_IS_BETTER)


def table(results):
    yield (
        "| workload | aim | met | eddy: median (min..max) "
        "| peers, best first: median (min..max) ×eddy/peer |"
    )
    yield "|---|---|---|---|---|"
    for metric, row in results["rows"].items():
        peers = by_merit(metric, {w: c for w, c in row["cells"].items() if w not in row["eddy"]})
        for who, (aim, met, ratios) in row["eddy"].items():
            name = metric if who == "eddy" else f"{metric}, {who.removeprefix('eddy ')}"
            others = ", ".join(
                f"{peer} {shown(row['cells'][peer])} ×{ratios[peer]:.2f}"
                for peer in peers
                if peer in ratios
            )
            cell = shown(row["cells"][who])
            yield f"| {name}, {row['unit']} | {aim} | {met} | {cell} | {others} |"


def page(results):
    yield f"# {results['machine']}"
    yield ""
    if results.get("note"):
        yield from results["note"]
        yield ""
    yield "[README.md](../README.md) says what is measured, and how to read this."
    yield ""
    yield from table(results)
    if results.get("failures"):
        yield ""
        yield "Failed:"
        yield ""
        yield from (f"- {failure}" for failure in results["failures"])


# The summary, over all machines.


def ratio_to(metric, ratios, who):
    """Returns eddy's cost in units of another's: less than 1 is ahead, even if more is better."""
    if who not in ratios or ratios[who] == 0:
        return None
    return 1 / ratios[who] if metric in HIGHER_IS_BETTER else ratios[who]


def summarized(metric, row):
    """Returns eddy's name, the best peer and the best floor, each with its ratio, or None."""
    ours = sorted(row["eddy"], key=lambda who: ("epoll" in who, " 1 " in who, who))
    who = ours[0]
    ratios = row["eddy"][who][2]
    others = by_merit(metric, {w: c for w, c in row["cells"].items() if w in ratios})
    # with one worker, of the rows that have two
    others = [w for w in others if not w.endswith(" 1")]
    best = next((w for w in others if not is_floor(w)), None)
    floor = next((w for w in others if is_floor(w)), None)
    return who, *((w, ratio_to(metric, ratios, w)) if w else None for w in (best, floor))


def summary(all_results):
    yield "| workload | on | eddy | best peer | eddy × | by hand | eddy × | aim | met |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for metric in dict.fromkeys(m for results in all_results for m in results["rows"]):
        for i, results in enumerate(all_results):
            if metric not in results["rows"]:
                continue
            row = results["rows"][metric]
            who, best, floor = summarized(metric, row)
            aim, met, _ = row["eddy"][who]
            words = [f"{metric}", "ABCDEFGH"[i]]
            median, _, _, noisy = row["cells"][who]
            words.append(f"{'~' if noisy else ''}{figure(median)} {row['unit']}")
            for other in (best, floor):
                if other and other[1] is not None:
                    words += [f"{other[0]} {figure(row['cells'][other[0]][0])}", f"{other[1]:.2f}"]
                else:
                    words += ["", ""]
            yield f"| {' | '.join([*words, aim, met])} |"
    yield ""
    for i, results in enumerate(all_results):
        yield f"- {'ABCDEFGH'[i]}: {results['machine']}:"
        yield f"  [all figures](results/{results['name']}.md)"


# The picture.

LEFT, WIDTH, LINE, TOP = 210, 900, 15, 58
LEAST, MOST = 0.1, 4
BEST, BY_HAND = "#1f77b4", "#ff7f0e"


def x_of(ratio):
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + (WIDTH - LEFT - 30) * share


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>'


def dot(x, y, colour, title):
    return f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{colour}"><title>{title}</title></circle>'


def diamond(x, y, colour, title):
    path = f"M{x - 4:.1f},{y} l4,-4 l4,4 l-4,4 z"
    return f'<path d="{path}" fill="{colour}"><title>{title}</title></path>'


def drawing(all_results):
    rows = [(m, row) for results in all_results for m, row in results["rows"].items()]
    height = TOP + LINE * len(rows) + 20
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    yield ' font-family="sans-serif" font-size="11">'
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    title = "eddy's cost, in units of the best peer's and of the best by hand"
    yield text(12, 20, title, 'font-size="15"')
    yield dot(18, 36, BEST, "") + text(28, 40, "of the best peer's")
    yield diamond(168, 36, BY_HAND, "") + text(178, 40, "of the best by hand's")
    yield text(WIDTH - 30, 40, "left of the line: eddy is ahead", 'text-anchor="end" fill="#666"')
    for ratio in (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 4):
        x, colour = x_of(ratio), "#888" if ratio == 1 else "#ddd"
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{height - 18}" stroke="{colour}"/>'
        yield text(x, height - 5, f"{ratio:g}", 'text-anchor="middle"')
    for i, (metric, row) in enumerate(rows):
        y = TOP + LINE * i + 8
        _, best, floor = summarized(metric, row)
        yield text(LEFT - 10, y + 4, metric, 'text-anchor="end"')
        for mark, colour, other in ((diamond, BY_HAND, floor), (dot, BEST, best)):
            if other and other[1] is not None:
                title = f"{metric}: {other[1]:.2f} × {other[0]}"
                yield mark(x_of(other[1]), y, colour, title)
    yield "</svg>"


# The files.


def write(path, lines):
    with open(path, "w") as f:
        f.writelines(line + "\n" for line in lines)


def load(path):
    with open(path) as f:
        results = json.load(f)
    results["name"] = os.path.basename(path).removesuffix(".json")
    return results


def record(name, new, note):
    """Keeps results, beside older rows of the same name."""
    path = os.path.join(RESULTS, name + ".json")
    old = load(path) if os.path.exists(path) else {"rows": {}}
    kept = {**old, **new, "rows": {**old["rows"], **new["rows"]}}
    if note:
        kept["note"] = textwrap.wrap(note, 92)  # lines of the page, and of the file
    kept.pop("name", None)
    with open(path, "w") as f:
        json.dump(kept, f, indent=1, ensure_ascii=False)
        f.write("\n")


def summarize(all_results):
    path = os.path.join(HERE, "README.md")
    with open(path) as f:
        before, rest = f.read().split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w") as f:
        f.write(before + BEGIN + "\n\n" + "\n".join(summary(all_results)) + "\n\n" + END + after)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build/bench", help="where run.py has measured")
    parser.add_argument("--record", metavar="NAME", help="keep its results as results/NAME.json")
    parser.add_argument("--note", help="said above the table of NAME, such as the load beside it")
    arguments = parser.parse_args()
    os.makedirs(RESULTS, exist_ok=True)
    if arguments.record:
        new = load(os.path.join(arguments.build, "results.json"))
        record(arguments.record, new, arguments.note)
    all_results = [load(path) for path in sorted(glob.glob(RESULTS + "/*.json"))]
    for results in all_results:
        write(os.path.join(RESULTS, results["name"] + ".md"), page(results))
    write(os.path.join(HERE, "summary.svg"), drawing(all_results))
    summarize(all_results)


if __name__ == "__main__":
    main()
