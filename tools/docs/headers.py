# Reads the public headers: their declarations, and the comments that document them. The headers
# have one style, so no parser of C is needed: a comment documents the declarations that follow it
# without a blank line; a comment that stands alone is a heading, or a text of the whole header.
import re

MARKS = re.compile(r'(EDDY_(API|NODISCARD|COLD|AWAITS)\b|EDDY_PRINTF\(\d, \d\)|static inline)\s*')
COMMENT = r'/\*.*?\*/'


def text_of(comment):
    lines = [re.sub(r'^ *\* ?', '', line) for line in (comment or '/**/').strip()[2:-2].split('\n')]
    return '\n'.join([lines[0].strip()] + lines[1:]).strip('\n').rstrip()


def parameters(text):
    return [' '.join(p.split()) for p in re.findall(r'(?:[^,()]|\([^()]*\))+', text) if p.strip()]


class Item:
    """A declaration or a macro. more: the constants of an enum; type: what a function returns."""

    def __init__(self, raw):
        self.raw, self.awaits, self.options_size = raw, 'EDDY_AWAITS' in raw, False
        self.type, self.params, self.more, self.body = '', None, [], ''
        text = ' '.join(re.sub(COMMENT, '', raw, flags=re.S).split())
        text = text if text[0] == '#' else MARKS.sub('', text)
        self.plain = re.sub(r'\{.*\}', '', text)
        macro = re.match(r'#define (\w+)(?:\(([^)]*)\))?\s*(.*)', text.replace('\\ ', ''))
        if macro:
            self.kind, self.name, self.body = 'macro', macro[1], macro[3]
            self.params = None if macro[2] is None else parameters(macro[2])
        elif re.match(r'(typedef|struct|enum)\b', text):
            name = re.match(r'typedef .*?(\w+)\(', self.plain) or re.search(r'(\w+) ?;', self.plain)
            self.kind, self.name = 'type', name[1]
            if re.match(r'(typedef )?enum', text):
                self.more = [name for name, _ in self.members()]
                self.name = self.more.pop(0) if self.name == 'enum' else self.name
        else:
            self.kind = 'function'
            self.type, self.name, rest = re.match(r'(.*?) ?(\w+)\((.*)\)', self.plain).groups()
            self.params = parameters(rest)

    def names(self):
        return [n for n in [self.name] + self.more if re.match(r'(eddy|EDDY)_', n)]

    # The public fields of a struct, or the constants of an enum, with their comments.
    def members(self):
        one = r'([^;/]+;)' if 'struct' in self.raw.split('{')[0] else r'(EDDY_\w+)[^,/]*,?'
        body, notes = self.raw[self.raw.find('{') + 1:self.raw.rfind('}')], []
        for m in re.finditer(r'(%s)|%s([ \t]*%s)?' % (COMMENT, one, COMMENT), body, re.S):
            notes += [text_of(m[1] or m[3])] if m[1] or m[3] else []
            if m[2] and 'eddyi_' not in m[2]:
                yield ' '.join(m[2].strip(' \n;').split()), '\n\n'.join(notes)
            notes = notes if m[1] else []


class Unit:
    """The declarations under one comment; none, if the comment stands alone."""

    def __init__(self, comment, header):
        self.comment, self.header, self.items, self.alone = comment, header, [], True


# The lines that a C compiler with GNU extensions sees, and those for C++.
def branches(text):
    c, cxx, stack = [], [], []
    for line in text.split('\n'):
        word = re.match(r'#\s*(if|ifdef|ifndef|else|endif)\b(.*)', line)
        if not word:
            (c if all(c_too for c_too, _ in stack) else cxx).append(line)
        elif word[1] == 'endif':
            stack.pop()
        elif word[1] == 'else':
            stack[-1] = (not stack[-1][0], False)
        else:
            plus = '__cplusplus' in word[2]
            stack.append((word[1] == 'ifndef' if plus else '__clang__' not in word[2], plus))
    return '\n'.join(c), '\n'.join(cxx)


# The end of the declaration or macro that begins at i.
def end_of(text, i):
    if text[i] == '#':
        return re.compile(r'(?:.*\\\n)*.*').match(text, i).end()
    depth, function = 0, False
    for m in re.compile(r'%s|[{};]' % COMMENT, re.S).finditer(text, i):
        function |= m[0] == '{' and not depth and text[i:m.start()].rstrip()[-1] == ')'
        depth += {'{': 1, '}': -1}.get(m[0], 0)
        if depth == 0 and (m[0] == ';' or (m[0] == '}' and function)):
            return m.end()
    raise SystemExit('no end of the declaration "%s…"' % text[i:i + 60])


# The units of a header, the first of which is its file comment, and its functions for C++.
def parse(header, text):
    text, cxx = branches(text)
    units, unit, i = [], None, 0
    while i < len(text):
        line = re.compile(r'.*').match(text, i)[0]
        comment = re.compile(r'\s*(%s)[ \t]*\n' % COMMENT, re.S).match(text, i)
        if comment and line.strip():
            unit, i = Unit(text_of(comment[1]), header), comment.end()
            units.append(unit)
        elif not line.strip() or re.match(r'#include|#undef|EDDY_(BEGIN|END)_DECLS', line):
            if unit and line.strip():
                unit.alone = False
            unit, i = None, i + len(line) + 1
        else:
            end = end_of(text, i)
            note = re.compile(r'([ \t]*%s)?\n?' % COMMENT, re.S).match(text, end)
            item, i = Item(text[i:end]), note.end()
            if unit is None or (note[1] and not unit.comment):
                unit = Unit(text_of(note[1]), header)
                units.append(unit)
            unit.alone = False
            unit.items += [item] * bool(item.names() and not re.search(r'_H$', item.raw))
    functions = re.finditer(r'^(?:EDDY_NODISCARD )?static inline [^{;]*\)(?=\s*\{)', cxx, re.M)
    return units, [Item(m[0]) for m in functions]


# Reads all headers: {header: units}, {name: function}, {name: function for C++}.
def read(paths):
    units, overloads = {}, {}
    for path in paths:
        header = path.split('include/')[-1]
        with open(path, encoding='utf-8') as f:
            units[header], more = parse(header, f.read())
        overloads.update({item.name: item for item in more})
    every = [u for us in units.values() for u in us]
    functions = {i.name: (i, u) for u in every for i in u.items if i.kind == 'function'}
    documented = {i.name for u in every for i in u.items if u.comment}
    for unit in every:
        for item in list(unit.items):
            if item.kind == 'macro' and item.name in functions: # around the function of its name
                function, owner = functions[item.name]
                function.options_size |= 'sizeof(' in item.body
                unit.items.remove(item)
                if unit.comment not in owner.comment:
                    owner.comment += '\n\n' + unit.comment
            elif not unit.comment and item.name in documented:
                unit.items.remove(item)
    return units, {name: item for name, (item, _) in functions.items()}, overloads
