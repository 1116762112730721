#!/usr/bin/env python3
# Writes manual pages from the comments in the public headers, in mdoc(7):
#
#     tools/docs/manual.py [--lenient] INTO VERSION HEADER…
#
# INTO/man3 gets a page for each comment on declarations, and links for further names under it;
# INTO/man7 one for each header, and eddy.7 for eddy.h. INTO/names.json lists the names for the
# site. A public name without a comment is an error, unless --lenient is given.
import json
import os
import re
import sys
import time

import headers

RETURNS = r'(?=(?:Returns?|Raises?|Errors of the call itself)\b)'
CALL = re.compile(r'(`[^`]*`)|(\beddy_\w+\((?!\))[^()`]*(?:\([^()]*\)[^()]*)*\))')
INLINE = re.compile(r'(`[^`]*`|@\w+|\*ret_\w+|eddy/\w+\.h|docs/[\w/-]+\.md|-E[A-Z]{2}\w*|\bNULL\b'
                    r'|\b(?:eddy|EDDY)_\w+(?:\(\))?|\b[a-z_]\w*\([1-9]\))')
SUSPENDS = {True: 'The calling task may be suspended: other tasks and callbacks can run before the '
                  'call returns.', False: 'The call does not suspend the calling task.'}


# The blocks of a comment: ('p', text), ('code', lines), and ('tag' or 'bullet', [[term, text]]).
def blocks(comment):
    out = []
    for chunk in re.split(r'\n\s*\n', comment):
        lines, items = chunk.split('\n'), []
        if all(line.startswith('    ') for line in lines):
            code = [line[4:] for line in lines]
            if out and out[-1][0] == 'code':
                out[-1][1].extend([''] + code)
            else:
                out.append(('code', code))
            continue
        first = next((n for n, line in enumerate(lines) if n and re.match(r'  ?\S', line)), 0)
        if first and not re.match(r'[@ ]', chunk):
            out.append(('p', ' '.join(' '.join(lines[:first]).split())))
            lines = lines[first:]
        for line in lines:
            tag = re.match(r'(?:  |(?=@))(- )?(\S.*?)(?:  +(\S.*))?$', line)
            if tag and (line[0] == ' ' or tag[3]):
                items.append(['', tag[2]] if tag[1] else [tag[2], tag[3] or ''])
            elif items:
                items[-1][1] += ' ' + line.strip()
        kind = 'p' if not items else 'tag' if any(term for term, _ in items) else 'bullet'
        out.append((kind, items or ' '.join(chunk.split())))
    return out


def escape(s):
    return s.replace('\\', '\\e').replace('"', '\\(dq')


def markup(item, known):
    name, manual = item.replace('()', ''), re.match(r'(\w+)\((\d)\)', item)
    if item[0] in '@*':
        return 'Fa ' + item.lstrip('@')
    if item.endswith('.h'):
        return 'Xr %s 7' % item.replace('/', '_')
    if item.endswith('.md'):
        return 'Xr eddy-%s 7' % os.path.basename(item)[:-3]
    if manual or (name in known and name[0] == 'e'):
        return 'Xr %s %s' % (manual.groups() if manual else (name, 3))
    kind = {'-': 'Er', 'E': 'Dv', 'N': 'Dv'}.get(item[0], 'Ic')
    return '%s "\\&%s"' % (kind, escape(item.strip('`')))


# Running text: a macro line for each word with markup, lines of other words, a line each sentence.
def running(text, known, it=False):
    out, line = [], ''
    for word in re.findall(r'(?:[^\s`]|`[^`]*`)+', CALL.sub(lambda m: m[1] or '`%s`' % m[2], text)):
        pieces = [p for p in INLINE.split(word) if p]
        special = it or any(INLINE.fullmatch(p) for p in pieces)
        if line and (special or len(line) + len(word) > 78 or re.search(r'[.!?][)"]*$', line)):
            out, line = out + [line], ''
        if special:
            pieces = [markup(p, known) if INLINE.fullmatch(p) else 'No "\\&%s"' % escape(p)
                      for p in pieces]
            out.append('.' * (not it) + ' Ns '.join(pieces))
        else:
            line += (' ' if line else '\\&') + escape(word)
    return ' '.join(out) if it else out + [line] * bool(line)


def mdoc(parts, known):
    out = []
    for kind, content in parts:
        if kind == 'p':
            out += ['.Pp'] * bool(out) + running(content, known)
        elif kind == 'code':
            lines = [re.sub(r"^(?=[.'])", r'\\&', line.replace('\\', '\\e')) for line in content]
            out += ['.Bd -literal -offset indent'] + lines + ['.Ed']
        else:
            out.append('.Bl -bullet' if kind == 'bullet' else '.Bl -tag -width Ds')
            for term, text in content:
                out += [('.It ' + running(term, known, True)).strip()] + running(text, known)
            out.append('.El')
    return out


def summary(comment):
    first = re.match(r'.*?(?=[.;:]\s|\.?$)', re.sub('[@`]', '', ' '.join(comment.split())))[0]
    return first if re.match(r'\w?[A-Z]|eddy', first[1:]) else first[:1].lower() + first[1:]


# A call as it is written: a macro has the types of its C++ form, or of the function in its body.
def synopsis(item, functions, overloads):
    call = re.match(r'(\w+)\((.*)\)$', item.body)
    kind, params = item.type, list(item.params or [])[:-1 if item.options_size else None]
    if item.kind == 'type':
        plain = re.sub(r'^typedef |;$', '', item.plain).strip()
        return ['.Vt "%s"' % (plain if '(' in plain else re.sub(r'^.* (?=eddy_\w+$)', '', plain)
                              if item.plain[0] == 't' else plain)] * (plain != 'enum')
    if item.params is None:
        return ['.Dv ' + item.name]
    if item.kind == 'macro' and item.name in overloads:
        kind, params = overloads[item.name].type, overloads[item.name].params
        params = ['...' if '= eddy_' in p else p.split(' = ')[0] for p in params]
    elif call and call[1] in functions:
        kind = functions[call[1]].type
        typed = dict(zip(headers.parameters(call[2]), functions[call[1]].params))
        params = ['awaitable ' + p if 'EDDY_AWAITABLE(%s)' % p in typed
                  else typed.get('(%s)' % p, p) for p in params]
    return (['.Ft "%s"' % kind] * bool(kind) + ['.Fo ' + item.name] +
            ['.Fa "%s"' % escape(p) for p in params] + ['.Fc'])


class Manual:
    def __init__(self, into, version, *paths):
        self.units, self.functions, self.overloads = headers.read(paths)
        self.into, self.version, self.index = into, version, []
        epoch = os.environ.get('SOURCE_DATE_EPOCH', time.time())
        self.date = time.strftime('%B %d, %Y', time.gmtime(float(epoch))).replace(' 0', ' ')
        self.documented = [u for us in self.units.values() for u in us if u.items]
        self.known = {n for u in self.documented for i in u.items for n in i.names()}

    def write(self, section, names, about, header, body, see):
        folder = '%s/man%d/' % (self.into, section)
        os.makedirs(folder, exist_ok=True)
        with open('%s%s.%d' % (folder, names[0], section), 'w', encoding='utf-8') as f:
            f.write('\n'.join(['.Dd ' + self.date, '.Dt %s %d' % (names[0].upper(), section),
                               '.Os eddy ' + self.version, '.Sh NAME',
                               '.Nm ' + ' ,\n.Nm '.join(names), '.Nd ' + escape(about),
                               '.Sh SYNOPSIS', '.In ' + header, *body, '.Sh SEE ALSO', *see, '']))
        for name in names[1:]:
            link = '%s%s.%d' % (folder, name, section)
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink('%s.%d' % (names[0], section), link)

    # Whether the calls of a unit suspend the calling task; None: not known, or no calls.
    def suspends(self, items):
        called = [[self.functions[w] for w in re.findall(r'\w+', i.name + ' ' + i.body)
                   if w in self.functions and i.body[:5] != '__ext'] for i in items
                  if i.params is not None]
        return any(f.awaits for fs in called for f in fs) if called and all(called) else None

    def page(self, unit):
        parts, where = {'DESCRIPTION': [], 'RETURN VALUES': [], 'SUSPENSION': []}, 'DESCRIPTION'
        for kind, content in blocks(unit.comment):
            if kind == 'p':
                where = 'SUSPENSION' if content.startswith('Cancelled') else 'DESCRIPTION'
                begins = '^%s|' % RETURNS if parts[where] else ''
                cut = re.search(begins + r'(?<=\.) ' + RETURNS, content)
                if cut and where == 'DESCRIPTION':
                    parts[where] += [('p', content[:cut.start()])] * (cut.start() > 0)
                    where, content = 'RETURN VALUES', content[cut.end():]
            parts[where].append((kind, content))
        suspends = self.suspends(unit.items)
        parts['SUSPENSION'][:0] = [('p', SUSPENDS[suspends])] if suspends in SUSPENDS else []
        for item in unit.items:
            members = list(item.members()) if item.kind == 'type' and '{' in item.raw else []
            title = 'FIELDS' if 'struct' in item.raw.split('{')[0] else 'VALUES'
            members = [['`%s`' % m, text] for m, text in members]
            parts[title] = parts.get(title, []) + [('tag', members)] * bool(members)
        body = [line for i in unit.items for line in synopsis(i, self.functions, self.overloads)]
        names = [n for i in sorted(unit.items, key=lambda i: i.params is None) for n in i.names()]
        names = list(dict.fromkeys(names))
        for title, content in parts.items():
            body += ['.Sh ' + title] * bool(content) + mdoc(content, self.known - set(names))
        about = summary(unit.comment)
        self.write(3, names, about, unit.header, body,
                   ['.Xr eddy 7 ,', '.Xr %s 7' % unit.header.replace('/', '_')])
        calls = {i.name for i in unit.items if i.params is not None}
        self.index += [{'name': n, 'page': names[0] + '.3', 'header': unit.header, 'about': about,
                        'call': n in calls} for n in names]

    def header_page(self, header, units):
        name, parts = header.replace('/', '_').replace('eddy.h', 'eddy'), blocks(units[0].comment)
        about = summary(parts[0][1].split(': ', 1)[-1])
        body, inside = ['.Sh DESCRIPTION'] + mdoc(parts, self.known), False
        for unit in units[1:]:
            if inside and not unit.items:
                body, inside = body + ['.El'], False
            if unit.alone and '\n' not in unit.comment:
                body.append('.Ss ' + unit.comment.split(':')[0].rstrip('.'))
            elif unit.alone:
                body += ['.Pp'] * (body[-1][:3] != '.Ss') + mdoc(blocks(unit.comment), self.known)
            elif unit.items:
                body += ['.Bl -tag -width Ds'] * (not inside)
                body += ['.It Xr %s 3' % i.names()[0] for i in unit.items]
                body += running(summary(unit.comment), self.known)
                inside = True
        others = [h for h in self.units if '/' in h and name == 'eddy'] or ['eddy']
        see = ' ,\n'.join('.Xr %s 7' % other.replace('/', '_') for other in others)
        self.write(7, [name], about, header, body + ['.El'] * inside, [see])
        self.index.append({'name': header, 'page': name + '.7', 'header': header, 'about': about})


lenient = sys.argv[1] == '--lenient'
manual = Manual(*sys.argv[2 if lenient else 1:])
bare = [u.header + ': ' + i.name for u in manual.documented for i in u.items if not u.comment]
if bare and not lenient:
    sys.exit('manual: public names without a comment: ' + ', '.join(bare))
for documented in manual.documented:
    documented.comment = documented.comment or 'Is not described.'
    manual.page(documented)
for path, content in manual.units.items():
    manual.header_page(path, content)
with open(manual.into + '/names.json', 'w', encoding='utf-8') as f:
    json.dump(manual.index, f, indent=0)
