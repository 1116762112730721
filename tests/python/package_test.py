"""The package as its users get it: a wheel, a source distribution, types.

EDDY_BUILD is a build directory with the package for this interpreter. With EDDY_PYTHON_ALL=1 the
package is also built from its source distribution, which takes a minute.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'adapters', 'python')
PROGRAM = """
import asyncio, importlib.metadata, sys
import eddyloop

async def main():
    await asyncio.sleep(0.001)
    return type(asyncio.get_running_loop()).__name__

assert eddyloop.__file__.startswith(sys.prefix), eddyloop.__file__
assert importlib.metadata.version('eddyloop') == eddyloop.__version__
print(eddyloop.run(main()))
"""


def run(*command, **environment):
    """Runs a command outside of the build directory's package; returns its output."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}
    clean['PYTHONDONTWRITEBYTECODE'] = '1'  # the back end is in the source tree
    done = subprocess.run(
        command,
        env=clean | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(command)}: status {done.returncode}\n{done.stdout}')
    return done.stdout


def needs(module):
    found = importlib.util.find_spec(module)
    return unittest.skipIf(found is None, f'{sys.executable} has no {module}')


class PackageTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def pip(self, *arguments):
        return run(sys.executable, '-m', 'pip', '--disable-pip-version-check', *arguments)

    def wheel(self, source, *settings):
        """Builds a wheel without network; returns its path."""
        offline = ['--no-build-isolation', '--no-index', '--no-deps']
        self.pip('wheel', *offline, *settings, '-w', self.folder, source)
        (name,) = [n for n in os.listdir(self.folder) if n.endswith('.whl')]
        return self.path(name)

    def run_installed(self, wheel):
        """Installs the wheel into an environment of its own; returns a program's output there."""
        run(sys.executable, '-m', 'venv', '--without-pip', self.path('venv'))
        python = self.path('venv', 'bin', 'python')
        self.pip('--python', python, 'install', '--no-index', '--no-deps', wheel)
        return run(python, '-c', PROGRAM)


@needs('pip')
class Wheels(PackageTest):
    def test_an_installed_wheel_runs_a_program(self):
        setting = f'--config-settings=build-dir={os.environ["EDDY_BUILD"]}'
        wheel = self.wheel(PROJECT, setting)
        self.assertEqual(self.run_installed(wheel), 'Loop\n')
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        self.assertIn('eddyloop/py.typed', names)
        self.assertEqual(len([n for n in names if n.endswith('.so')]), 1)

    def test_a_source_distribution_builds(self):
        if not os.environ.get('EDDY_PYTHON_ALL'):
            self.skipTest('takes a minute: only in the full check')
        sys.path.insert(0, PROJECT)
        self.addCleanup(sys.path.remove, PROJECT)
        import eddyloop_build

        archive = self.path(eddyloop_build.build_sdist(self.folder))
        with tarfile.open(archive) as file:
            root = os.path.basename(archive).removesuffix('.tar.gz')
            self.assertEqual({n.split('/')[0] for n in file.getnames()}, {root})
        wheel = self.wheel(archive, '--config-settings=EDDY_WITH_CARES=OFF')
        self.assertEqual(self.run_installed(wheel), 'Loop\n')


@needs('mypy')
class Types(PackageTest):
    def setUp(self):
        super().setUp()
        package = os.path.join(PROJECT, 'eddyloop')
        os.mkdir(self.path('eddyloop'))
        for name in os.listdir(package):
            if name.endswith(('.pyi', '.typed')):
                shutil.copy(os.path.join(package, name), self.path('eddyloop', name))

    def test_a_program_with_types_is_strictly_correct(self):
        options = ['--strict', '--cache-dir', self.path('cache')]
        program = os.path.join(HERE, 'typed.py')
        run(sys.executable, '-m', 'mypy', *options, program, MYPYPATH=self.folder)
        run(sys.executable, program, PYTHONPATH=os.environ['PYTHONPATH'])

    def test_the_stubs_tell_the_truth(self):
        names = dict(MYPYPATH=self.folder, PYTHONPATH=os.environ['PYTHONPATH'])
        run(sys.executable, '-m', 'mypy.stubtest', '--ignore-missing-stub', 'eddyloop', **names)
