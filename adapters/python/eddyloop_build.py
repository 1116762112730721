"""The build back end of eddyloop (PEP 517): CMake makes the package, this file packs it.

It needs nothing but Python, CMake, a C compiler and eddy's libraries, so it works offline:

    pip wheel --no-build-isolation adapters/python

Settings (pip's --config-settings) go to CMake: EDDY_WITH_CARES=OFF means -DEDDY_WITH_CARES=OFF. One
is for this file: build-dir=FOLDER builds in that folder and keeps it; if it has been configured
already, only the changes are built.
"""

import base64
import hashlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
# The parts of eddy's tree in a source distribution.
SOURCES = ['CMakeLists.txt', 'LICENSE', 'cmake', 'include', 'src', 'adapters']
UNWANTED = ['TOOLS', 'TESTS', 'EXAMPLES', 'BENCH']


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Builds the package for the running interpreter; returns the name of the wheel."""
    settings = dict(config_settings or {})
    files = _modules()
    with tempfile.TemporaryDirectory() as temporary:
        library = _build(settings.pop('build-dir', temporary), settings)
        files[f'eddyloop/{os.path.basename(library)}'] = _read(library)
    project = _project()
    tag = _tag()
    info = f'eddyloop-{project["version"]}.dist-info'
    files[f'{info}/METADATA'] = _metadata(project)
    files[f'{info}/WHEEL'] = (
        f'Wheel-Version: 1.0\nGenerator: eddyloop_build\nRoot-Is-Purelib: false\nTag: {tag}\n'
    ).encode()
    files[f'{info}/entry_points.txt'] = _entry_points(project)
    files[f'{info}/LICENSE'] = _read(TOP, 'LICENSE')
    files[f'{info}/RECORD'] = _record(files, f'{info}/RECORD')
    name = f'eddyloop-{project["version"]}-{tag}.whl'
    _zip(os.path.join(wheel_directory, name), files)
    return name


def build_sdist(sdist_directory, config_settings=None):
    """Packs the sources, those of eddy included; returns the name of the archive."""
    project = _project()
    root = f'eddyloop-{project["version"]}'
    # In the archive the project's file is at the top, and the back end where it is here.
    settings = _read(HERE, 'pyproject.toml').decode()
    settings = settings.replace('backend-path = ["."]', 'backend-path = ["adapters/python"]')
    settings = settings.replace('readme = "README.md"', 'readme = "adapters/python/README.md"')
    with tarfile.open(os.path.join(sdist_directory, f'{root}.tar.gz'), 'w:gz') as archive:
        for name in SOURCES:
            archive.add(os.path.join(TOP, name), f'{root}/{name}', filter=_for_everybody)
        _add_text(archive, f'{root}/pyproject.toml', settings.encode())
        _add_text(archive, f'{root}/PKG-INFO', _metadata(project))
    return f'{root}.tar.gz'


def _project():
    """Returns the table "project" of pyproject.toml, with eddy's version."""
    with open(os.path.join(HERE, 'pyproject.toml'), 'rb') as file:
        project = tomllib.load(file)['project']
    cmake = _read(TOP, 'CMakeLists.txt').decode()
    project['version'] = re.search(r'^project\(eddy VERSION ([0-9.]+)', cmake, re.MULTILINE)[1]
    return project


def _tag():
    python = f'cp{sys.version_info.major}{sys.version_info.minor}'
    platform = sysconfig.get_platform().replace('-', '_').replace('.', '_')
    return f'{python}-{python}-{platform}'


def _modules():
    """Returns the files of the package that are not compiled, by their names in the wheel."""
    folder = os.path.join(HERE, 'eddyloop')
    names = [n for n in sorted(os.listdir(folder)) if n.endswith(('.py', '.pyi', '.typed'))]
    return {f'eddyloop/{name}': _read(folder, name) for name in names}


def _build(folder, settings):
    """Builds the module in C with CMake; returns its path."""
    if not os.path.exists(os.path.join(folder, 'CMakeCache.txt')):
        options = {f'EDDY_BUILD_{name}': 'OFF' for name in UNWANTED}
        options.update(EDDY_WITH_PYTHON='ON', EDDY_PYTHON=sys.executable, EDDY_WITH_CURL='OFF')
        options.update(EDDY_INSTALL='OFF', **settings)
        definitions = [f'-D{name}={value}' for name, value in options.items()]
        subprocess.run(['cmake', '-S', TOP, '-B', folder, *definitions], check=True)
    target = f'eddyloop-{sysconfig.get_python_version()}'
    jobs = str(os.cpu_count() or 1)
    subprocess.run(['cmake', '--build', folder, '--target', target, '-j', jobs], check=True)
    name = '_eddyloop' + sysconfig.get_config_var('EXT_SUFFIX')
    return os.path.join(folder, 'python', 'eddyloop', name)


def _read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()


def _metadata(project):
    lines = [
        'Metadata-Version: 2.1',
        f'Name: {project["name"]}',
        f'Version: {project["version"]}',
        f'Summary: {project["description"]}',
        f'Keywords: {",".join(project["keywords"])}',
        f'License: {project["license"]["text"]}',
        *(f'Classifier: {classifier}' for classifier in project['classifiers']),
        f'Requires-Python: {project["requires-python"]}',
        'Description-Content-Type: text/markdown',
        '',
        _read(HERE, 'README.md').decode(),
    ]
    return '\n'.join(lines).encode()


def _entry_points(project):
    lines = []
    for group, entries in project['entry-points'].items():
        lines += [f'[{group}]', *(f'{name} = {place}' for name, place in entries.items()), '']
    return '\n'.join(lines).encode()


def _record(files, own_name):
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
        lines.append(f'{path},sha256={digest},{len(data)}\n')
    return ''.join([*lines, f'{own_name},,\n']).encode()


def _zip(path, files):
    """Packs @files; the same files make the same archive, whenever it is made."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            mode = 0o755 if name.endswith('.so') else 0o644
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


def _for_everybody(entry):
    """Leaves caches out of a source distribution, and the names of its maker."""
    if os.path.basename(entry.name) == '__pycache__':
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ''
    return entry


def _add_text(archive, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
