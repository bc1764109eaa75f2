"""A resolved dotted name in, what it reaches outside the program out: files, processes, network, time, randomness."""

from __future__ import annotations

import functools

_NAMES = {
    "input or output": "builtins.open builtins.input builtins.print builtins.breakpoint builtins.exit builtins.quit"
    " builtins.help argparse bz2.open click codecs.open configparser csv curses dbm fcntl fileinput fsspec getopt"
    " getpass glob gzip io joblib linecache logging lzma.open matplotlib mmap optparse os pathlib pdb pickle.dump"
    " pickle.load plotly pprint.pprint PIL readline rich seaborn shelve shutil sqlite3 sqlalchemy stat sys syslog"
    " tarfile tempfile termios tkinter tqdm traceback.print_exc traceback.print_stack tty turtle typer warnings"
    " winreg zipfile json.load json.dump numpy.fromfile numpy.genfromtxt numpy.load numpy.loadtxt numpy.save"
    " numpy.savetxt numpy.savez pandas.read_csv pandas.read_excel pandas.read_json pandas.read_parquet"
    " pandas.read_pickle pandas.read_sql pandas.read_table torch.load torch.save yaml.dump_all",
    "processes or threads": "asyncio atexit concurrent ctypes distutils faulthandler gc greenlet gevent"
    " multiprocess multiprocessing pip psutil pty queue ray resource sched"
    " select selectors setuptools signal site subprocess sysconfig _thread threading trio anyio weakref.finalize",
    "network": "aiohttp boto3 botocore email.utils.make_msgid ftplib http httplib2 httpx imaplib mailbox nntplib"
    " paramiko poplib requests scrapy selenium smtplib socket socketserver ssl telnetlib tornado twisted"
    " urllib.request urllib.robotparser urllib2 urllib3 webbrowser websockets wsgiref xmlrpc",
    "time": "time timeit datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow datetime.date.today"
    " arrow.now arrow.utcnow pandas.Timestamp.now pandas.Timestamp.today",
    "randomness": "random secrets uuid.uuid1 uuid.uuid4 numpy.random torch.rand torch.randint torch.randn"
    " torch.randperm torch.manual_seed scipy.stats.uniform.rvs scipy.stats.norm.rvs",
    "test framework": "doctest hypothesis mock nose pytest unittest",
    "runs text as code": "builtins.__builtins__ builtins.__import__ builtins.compile builtins.eval builtins.exec"
    " builtins.globals code codeop importlib runpy",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_HARMLESS_NAMES = (
    "sys.maxsize sys.maxunicode sys.float_info sys.int_info sys.hash_info sys.byteorder sys.version_info sys.intern"
    " sys.getsizeof io.StringIO io.BytesIO warnings.warn"
)
_HARMLESS = frozenset(_HARMLESS_NAMES.split())


@functools.lru_cache(maxsize=65_536)
def surroundings_of(name: str) -> str:
    """What a dotted name such as `os.path.join` reaches; empty where it is nothing of the kind.

    A module stands for all in it, but what is known to stay inside the program (`sys.maxsize`, `io.StringIO`).
    """
    parts = name.split(".")
    prefixes = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    if _HARMLESS.intersection(prefixes):
        return ""
    return next((_KINDS[prefix] for prefix in prefixes if prefix in _KINDS), "")
