// Searches eddyIndex, the entries of search-index.js: [title, address, kind, text].
"use strict";

// Words that say nothing about the place that is looked for.
const fillers = new Set(("a an and are as at be by can do does for from how i in into is it its " +
    "may me must my of on or should so that the this to what when where which who why with")
    .split(" "));

// How much a section is worth: a reader looks for an answer rather than for its background.
const worth = { Cookbook: 8, Guides: 6, Tutorial: 4, Porting: 4, Reference: 2 };

// A word as a pattern, without a meaning of its characters.
function quoted(word)
{
    return word.replace(/[^a-z0-9_]/g, "\\$&");
}

// The rank of an entry: an entry that has more of the words comes first; among these a title counts
// more than a text, and a whole word more than its beginning, and that more than its inside.
function rank(entry, words)
{
    const title = entry[0].toLowerCase(), text = entry[3].toLowerCase();
    let sum = 0, n = 0;

    for (const word of words) {
        const begins = "(?:^|[^a-z0-9])" + quoted(word), whole = begins + "(?![a-z0-9])";
        const found = [[whole, title, 20], [begins, title, 12], [quoted(word), title, 6],
            [whole, text, 3], [begins, text, 2], [quoted(word), text, 1]]
            .find(([pattern, where]) => where.search(pattern) >= 0);

        if (!found)
            continue;
        n++;
        sum += found[2];
        if (title === word || title === "eddy_" + word)
            sum += 100;
        else if (title.endsWith("_" + word))
            sum += 20;
    }
    return n ? 1000 * n + sum + (worth[entry[2]] || 0) + 1 / title.length : 0;
}

// The part of a text around the first of the words that it has, with the words marked.
function excerpt(text, words)
{
    const places = words.map(word => text.toLowerCase().indexOf(word)).filter(at => at >= 0);
    const from = places.length ? Math.max(0, Math.min(...places) - 60) : 0;
    const shown = (from ? "…" : "") + text.slice(from, from + 180) +
        (from + 180 < text.length ? "…" : "");
    const paragraph = document.createElement("p");
    const pattern = words.map(quoted).join("|");

    shown.split(new RegExp("(" + pattern + ")", "i")).forEach((part, n) => {
        const node = document.createElement(n % 2 ? "mark" : "span");
        node.textContent = part;
        paragraph.append(node);
    });
    return paragraph;
}

function show(query)
{
    const all = query.toLowerCase().replace(/\(\)|[?,;"']/g, "").split(/\s+/)
        .filter(word => word);
    const some = all.filter(word => !fillers.has(word)), words = some.length ? some : all;
    const found = words.length ? eddyIndex.map(entry => [rank(entry, words), entry])
        .filter(item => item[0] > 0).sort((a, b) => b[0] - a[0]) : [];
    const list = document.getElementById("results");

    list.replaceChildren(...found.slice(0, 50).map(([, entry]) => {
        const item = document.createElement("li"), link = document.createElement("a");
        const kind = document.createElement("span");
        link.href = entry[1];
        link.textContent = entry[0];
        kind.className = "kind";
        kind.textContent = " " + entry[2];
        item.append(link, kind, excerpt(entry[3], words));
        return item;
    }));
    document.getElementById("status").textContent = !words.length ? "" :
        found.length > 50 ? "The first 50 of " + found.length + " results" :
        found.length === 1 ? "1 result" : found.length + " results";
}

const input = document.querySelector("input[name=q]");
input.value = new URLSearchParams(location.search).get("q") || "";
input.addEventListener("input", () => {
    history.replaceState(null, "", "?q=" + encodeURIComponent(input.value));
    show(input.value);
});
show(input.value);
