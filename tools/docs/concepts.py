#!/usr/bin/env python3
# Writes the guides as manual pages of section 7, with lowdown(1):
#
#     tools/docs/concepts.py INTO VERSION GUIDE.md…
#
# docs/guides/errors.md becomes INTO/man7/eddy-errors.7. A link to another guide becomes the name of
# its page, any other link its text.
import os
import re
import subprocess
import sys
import time

PARSE = ['--parse-no-metadata', '--parse-no-super', '--parse-no-deflists', '--parse-no-footnotes',
         '--parse-no-ext-attrs', '--out-no-smarty']


def stem(path):
    return os.path.basename(path)[:-len('.md')]


# Cells of tables are narrow: lines are not adjusted there, and long names break at underscores.
def narrow(table):
    return '.na\n%s\n.ad' % re.sub(r'_(?=[^\W_])', r'_\\:', table[0])


def page(path, version, guides):
    def link(m):
        name = stem(m[2]) if m[2].endswith('.md') else None
        return '%s (**eddy-%s**(7))' % (m[1], name) if name in guides else m[1]

    with open(path, encoding='utf-8') as f:
        title, text = f.read().split('\n', 1)
    title = title.removeprefix('# ').replace('`', '')
    text = re.sub(r'\[([^]]+)\]\(([^)#]*)(#[^)]*)?\)', link, text)
    man = subprocess.run(['lowdown', '-Tman', *PARSE, '-M', 'shiftheadinglevelby=-1'], input=text,
                         encoding='utf-8', stdout=subprocess.PIPE, check=True).stdout
    man = man.replace(r'\fC', r'\fB')
    man = re.sub(r'^\.EX\n(.*?)^\.EE$', r'.PP\n.RS 4\n.nf\n\1.fi\n.RE', man, flags=re.M | re.S)
    man = re.sub(r'^(\.S[HS])\n(?:\.LP\n)?', r'\1 ', '.SH\nDESCRIPTION\n' + man, flags=re.M)
    man = re.sub(r'^(\.S[HS] .*\n)(\.[LP]P\n)+', r'\1', man, flags=re.M)
    man = re.sub(r'^\.[LP]P\n(?=\.[LP]P$|\.S[HS] |\Z)', '', man, flags=re.M)
    man = re.sub(r'^\.TS$.*?^\.TE$', narrow, man, flags=re.M | re.S)
    epoch = float(os.environ.get('SOURCE_DATE_EPOCH', time.time()))
    date = time.strftime('%Y-%m-%d', time.gmtime(epoch))
    head = '.TH EDDY-%s 7 %s "eddy %s" "eddy guides"\n.SH NAME\neddy-%s \\- %s\n'
    head = "'\\\" t\n" * ('.TS' in man) + head # tables need tbl
    return head % (stem(path).upper(), date, version, stem(path), title) + man


def main(into, version, *paths):
    guides = {stem(path) for path in paths}
    os.makedirs(into + '/man7', exist_ok=True)
    for path in paths:
        with open('%s/man7/eddy-%s.7' % (into, stem(path)), 'w', encoding='utf-8') as f:
            f.write(page(path, version, guides))


if __name__ == '__main__':
    main(*sys.argv[1:])
