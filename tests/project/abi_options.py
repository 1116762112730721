#!/usr/bin/env python3
"""Structs of options may grow, but only at their end: what abidiff(1) cannot tell.

    tests/project/abi_options.py RECORD PRESENT

Both are dumps of abidw(1). Prints each struct of options whose recorded members are not the first
ones of the present struct, or whose new members begin in what was padding: a program that does not
know them leaves anything there.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

GROWING = re.compile(r"eddy_(.*_options|job|exception_context|future_call_graph)$")


class Dump:
    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.types = {e.get("id"): e for e in root.iter() if e.get("id")}
        self.structs = {
            e.get("name"): e
            for e in root.iter("class-decl")
            if GROWING.match(e.get("name", "")) and e.get("is-declaration-only") != "yes"
        }

    def type_name(self, identity):
        """Names a type as far as a caller passes it: what a pointer points to by name alone."""
        e = self.types[identity]
        inner = e.get("type-id")
        if e.tag == "pointer-type-def":
            return self.type_name(inner) + "*"
        if e.tag == "qualified-type-def":
            return "const " + self.type_name(inner)
        if e.tag == "function-type":
            return "function"
        return e.get("name", e.tag)

    def members(self, struct):
        return [
            (int(m.get("layout-offset-in-bits")), v.get("name"), self.type_name(v.get("type-id")))
            for m in self.structs[struct].iter("data-member")
            for v in m.iter("var-decl")
        ]

    def size(self, struct):
        return int(self.structs[struct].get("size-in-bits"))


def difference(record, present, struct):
    if struct not in present.structs:
        return "is gone"
    old, new = record.members(struct), present.members(struct)
    for before, now in zip(old, new):
        if before != now:
            return f"has {now[2]} {now[1]} at {now[0]} bits in place of {before[2]} {before[1]}"
    if len(new) < len(old):
        return f"has lost {old[len(new)][1]}"
    if len(new) > len(old) and new[len(old)][0] < record.size(struct):
        return f"has its new option {new[len(old)][1]} in what was padding"
    return None


def main():
    record, present = Dump(sys.argv[1]), Dump(sys.argv[2])
    for struct in sorted(record.structs):
        why = difference(record, present, struct)
        if why:
            print(f"struct {struct} {why}")


main()
