"""Words that are no secrets, whatever the name they stand under.

The words of six letters and more that most files of CPython's standard library share, without the
names of its functions, and those that people set where a secret is still to be filled in.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = """
ability aborted absent absolute abspath abstract abstractmethod accept acceptable accepted
accepting accepts access accessed accessible accessing according account accounting accounts
accumulate acquire across action actions activate active actual actually adapted adding addition
additional address addresses addtest adjacent adjust administrator advance advanced advertising
aenter affect affected affects against agreement algorithm algorithms aliases alignment allocate
allocated allocation allowed allowing allows almost already altered alternate alternative
alternatives although altsep always ambiguous america amount analytics anchor android annotated
annotation annotations anonymous another answer anymore anyone anything anyway anywhere appear
appears append appended appending appends applicable application applications applied applies
approach appropriate appropriately arbitrary archive archives arglist argparse argtypes argument
argumentparser arguments arising arithmetic around arrays assert assertin assertion assertis
asserts assign assigned assignment assignments associated assume assumed assumes assuming
assumption assumptions asynchronous asyncio atexit atomic attach attached attempt attempted
attempting attempts attribute attributeerror attributes authentication author authorization
authors automatic automatically available avoids awaitable awaited backend background backlog
backslash backslashes backslashreplace backward backwards barrier baseexception basefix basename
basetest basics bearer because become becomes before beginning begins behave behaves behavior
behaviour better between beyond bigmemtest binary binascii binding bitmap blocked blocking
blockingioerror blocks blocksize boolean bootstrap bother bottom boundaries boundary bounds
brackets branch breaking breaks briefly broken brokenpipeerror buffer buffered bufferediobase
bufferedreader bufferedwriter buffererror buffering buffers bufsize buildbot buildbots building
builds builtin builtins button bypass bytearray bytecode byteorder bytesio bytestring
byteswarning cached caches caching calcsize calculate calculated calculation calendar callable
callables callback callbacks called caller callers calling cancel cancellation cancelled
cancellederror cancelling candidate cannot canonical capital capture captured careful category
caught caused causes causing caution center certain certificate cflags cfunctype chained
chaining chance change changed changeme changes changing channel channels character characters
charset checked checker checking checkout checks children choice choices choose chosen chunks
circular classes classmethod classname clause cleaned cleanup cleared clearing clears client
clients closed closes closing closure cmdline codecs codetype coding collect collected
collecting collection collections collector column columns combination combinations
combine combined combining command commands commas comment comments commit common commonly
communicate compact compare compared compares comparing comparison comparisons compat
compatibility compatible compilation compile compiled compiler compiling complete completed
completely completes completion complex compliance compliant complicated component components
compound comprehension comprehensions compress compressed compression compute computed computer
concat concatenated concatenation concrete concurrent condition conditional conditions config
configuration configure configured confirm conflict conform connect connected connection
connections consecutive consequential consider considered consistency consistent consisting
consists console constant constants construct constructed construction constructor constructors
constructs consts consume consumed consumes consuming contact contain contained container
containers containing contains content contents context contextlib contextmanager contexts
contextvar contextvars contiguous continuation continue contract contributor control controls
convenience convenient convention conversion conversions convert converted converter converting
converts cookie cookies copied copies corner coroutine coroutines correct correctly correspond
corresponding corresponds corrupt couldn counter counting counts couple course coverage covered
covers crashes create created creates creating creation credential credentials critical ctypes
curdir current currently cursor custom customer customers customize cycles cyclic cygwin daemon
damages dangling darwin dashboard database dataclass dataclasses datagram datetime deadlock
dealloc debugging decide decimal declaration declared decode decoded decoder decoding decompress
decorated decorator decorators dedent default defaultdict defaulting defaults defect defects
deferred define defined defines defining definition definitions delattr delayed delete deleted
deleting deletion delimiter delimiters delitem delivery denied depend dependency dependent
depending depends deployment deprecated deprecation derive derived describe described describing
description descriptions descriptor descriptors design designed desired despite destination
destroy destroyed destructor detach detail detailed details detect detected detection determine
determined determines deterministic developer development device devnull dialog dictionaries
dictionary differ difference differences different differently differs difflib digest digits
direct direction directly directories directory dirname disable disabled disallow disallowed
discard discarded disclaims discover discussion dispatch display displayed displays disposition
distance distinct distinguish distribute distribution divide division divmod docstring
docstrings doctest doctests doctestsuite doctype document documentation documented documents
domain dotall dotted double driver dunder duplicate duplicated duplicates duration during
dynamic dynamically earlier easier easily eastus effect effective effectively effects efficient
efficiently einval either elasticsearch element elements elementtree ellipsis elsewhere embedded
emitted employee employees emscripten emulate enable enabled enables encodable encode encoded
encoder encoding encodings encountered endian ending endings endswith engine engineer
engineering english enoent enough ensure ensures ensuring entercontext entered entire entirely
entities entity entries enumerate environ environment eoferror equality equals equivalent errmsg
errors escape escaped escapes especially essentially established europe evaluate evaluated
evaluation eventloop events eventually everything exactly example examples exceed exceeded
exceeds except excepthook exception exceptiongroup exceptions exclude exclusive executable
execute executed executes executing execution executor exercise exhausted existence existent
existing exists exitcode exited exiting exitstack expand expanded expanduser expansion expect
expected expecting expects expensive explanation explicit explicitly exponent export exported
exports expose exposed express expressed expression expressions extend extended extending
extension extensions external extract extracted factor factory failed failfast failing failure
failureexception failures fairly fakepath fallback family faster faulthandler feature features
fields figure fileexistserror filefinder fileio filename filenames fileno fileobj filesystem
filetype filled filter filtered filters filterwarnings finalization finalize finalized finalizer
finally finance findall finder findfile finding finditer finish finished finite firstlineno
fitness flatten floating floats floordiv flushed fnmatch folded folder folding follow followed
following follows foobar forbidden forces forever forget forking format formats formatted
formatter formatting formed forward foundation fraction fractional fractions fragment frames
framework freebsd friends fromhex fromkeys fromlist frontend frozen frozenset fsdecode
fsencode fspath fstring fullname funcdef funcname function functional functionality functions
functiontype functools further future futures garbage gather general generally generate
generated generates generating generation generator generators generic genericalias getattr
getcwd getframe getitem getline getopt getpid getpwuid getsize getslice getstate getter getting
gettrace getuid getvalue github giving global globals gmtime google gracefully grafana grammar
granted greater groups guarantee guaranteed handle handled handler handlers handles handling
handshake happen happened happens hasattr hashable hashes hashing hashlib having header headers
heading height helper helpers helpful hereby hexadecimal hexdigest hidden hierarchy higher
highest history holding hopefully horizontal hostname however identical identified identifier
identifiers identify identifying identity ignore ignorecase ignored ignores ignoring illegal
imaginary immediate immediately immutable implement implementation implementations implemented
implementing implements implicit implicitly implied implies import important imported importer
importerror importing importlib imports importwarning impossible include included includes
including inclusive incoming incompatible incomplete inconsistent incorrect incorrectly increase
increment indent indentation indentationerror indented independent indexerror indexing indicate
indicated indicates indicating indicator indices indirect indirectly individual infinite
infinity information inherit inheritable inheritance inherited inheriting inherits initial
initialization initialize initialized initializer initially injection inline inplace inputs
insensitive insert inserted insertion inside inspect inspired install installation installed
instance instances instantiate instantiated instantiation instead instruction instructions
integer integers integral integration intended intentionally intenum interact interaction
interactive interesting interface interfaces intermediate intern internal internally internals
internet interp interpreted interpreter interpreters interrupt interrupted intersection interval
introduced introspection invalid invalidate invariant inventory inverse invert invocation
invoice invoices invoke invoked invokes invoking involved involving ioerror isalpha isatty
isdigit isfile islice islink isolated isspace issued issues isupper itemsize iterable iterables
iterate iterating iteration iterations iterator iterators iterdir itertools itself january
joined joining joinpath keepends keeping kernel keyerror keyring keyword keywords kubernetes
kwargs labels lambda language larger largest latter launch layout leading leaked leaves leaving
legacy length lengths letmein letter letters levels lexists liable libraries library license
licensed likely likewise limitation limitations limited limits linear linecache lineno linesep
linked listcomp listdir listed listen listening listing literal literals little loaded loader
loading locale localhost locals localtime locate located location locations locked logged logger
logging logical longer longest longlong looked looking lookup lookuperror lookups loopback
lowercase lowest lshift lstrip machine machinery machines macosx magicmock mainloop maintain
maintained makedirs makefile maketrans making malformed malloc manage management manager
managers manages manipulation manual manually mapped mapping mappingproxytype mappings marked
marker markers marketing marshal master matched matcher matches matching matter maxdiff maximum
maxlen maxsize meaning meaningful mechanism member members memory memoryerror memoryview memuse
mentioned merged message messages metaclass metadata method methodname methods methodtype
microsoft middle minimal minimum minute minutes mismatch missing mkdtemp mkstemp mktime modern
modification modifications modified modify modifying modname module modules modulespec
moduletype modulo moment mongodb monitoring monotonic mostly moving multibytecodec multiline
multipart multiple multiply multiprocessing mutable mutablemapping mutate mutated mutating
mutually myclass namedtuple nameerror namespace namespaces naming native nbytes necessarily
necessary needed negative negligence neither nested nesting network newline newlines newsletter
nobody nonascii nonempty nonetype nonexistent nonlocal nonzero normal normalization normalize
normalized normally normcase normpath northeurope notarealsecret notation nothing notice
notification notifications notified notify notimplemented nowait number numbers numeric object
objects obsolete obtain obtained obvious occurred occurrence occurrences occurs offset offsets
omitted opcode opcodes opened opener opening openssl opentelemetry operand operating operation
operations operator operators opname opposed opposite optimization optimizations optimize
optimized option optional optionally options ordered ordereddict ordering ordinal ordinary
organisation organization origin original originally oserror others otherwise outcome output
outputs outside overall overflow overflowerror overhead overlap overridden override overrides
overriding overwrite package packages packed padded padding parallel parameter parameterize
parameters params pardir parens parent parentheses parenthesis parents parsed parser parsers
parses parsing partial partially particular particularly partition passed passes passing
passphrase passwd password passwords patched pathlib pathlike pathname pathsep pattern patterns
payload payment payments pending people percent perform performance performed perhaps period
permission permissionerror permissions permitted pertaining pickle pickled pickling
pieces placed placeholder places platform platforms please pointer pointers pointing points
policy popitem popleft popped portion position positional positions positive posixpath
possibility possible possibly postgres postgresql potential potentially pprint practice pragma
precedence preceding precision predicate prefer preferred prefix prefixed prefixes premium
prepare prepend presence present presented preserve preserved preserves preserving pretend
pretty prevent prevents previous previously primary printable printed printing prints priority
private probably problem problems proceed process processed processes processing produce
produced produces product production profile profits program programs progress project
prometheus prompt propagate propagated propagation proper properly properties property protect
protocol protocols provide provided provides providing pseudo pthread public publicity purpose
purposes python qualified qualname queues quickly quoted quotes quoting qwerty rabbitmq raised
raises raising randint random randomly randrange ranges rather rdonly reached readable
reader readers reading readinto readline readlines readlink readonly really realpath reason
reasonable reasons receive received receives receiving recent recognize recognized recommended
record recorded records recreate recurse recursion recursionerror recursive recursively recvfrom
redirect redirected reduce reduced reduces reduction redundant reentrant refcount reference
referenced references refers reflect regard regardless register registered registering registers
registry regression regrtest regular reject rejected related relative relatively release
released releases relevant reliable reliably relies reload relpath remain remainder remaining
remains remember remote removal remove removed removeprefix removes removing rename renamed
repeat repeated repeatedly repeats replace replaced replacement replaces replacing report
reported reporting reports represent representation represented representing represents request
requested requests require required requires requiring reraise reserved resets resize resolution
resolve resolved resource resources resourcewarning respect respectively respects response
responses responsible restore restored restriction restrictions restype result resulting results
resume retained retrieve retrieved return returncode returned returning returns retval reused
reverse reversed rewrite rights rmtree rounded rounding rounds roundtrip routine routines
rpartition rshift rsplit rstrip runner running runtest runtests runtime runtimeerror
runtimewarning safely safety samefile sample samples sandbox sanitizer sanity saving schedule
scheduled scheme schemes scopes screen script scripts search searched second seconds secret
secrets section sections secure security seekable seeking segfault segment segments select
selected selection selector selectors semantics semaphore sendall sendfile sending sendto
sensible sensitive sentinel separate separated separately separator separators sequence
sequences serialized series server servers service serving session sessions setattr setitem
setlocale setstate setter setting settings settrace several shallow shared shopping shortcut
shorter should shouldn shuffle shutdown shutil sibling sigint signal signals signature
signatures signed significant signum sigterm silence silent silently similar similarly simple
simplefilter simpler simplified simply simulate single singleton situation situations sizeof
skipif skipped skipping skiptest skipunless slashes sleeping slices slicing slightly slower
smaller smallest socket socketpair sockets software solaris someone something sometimes
somewhere sorted source sourcefileloader sources spaces spawned spawning special specialized
specially specific specifically specification specified specifier specifiers specifies specify
specifying splitdrive splitext splitlines splitting spurious sqlite square sslcontext stacklevel
staging standalone standard started starting starts startswith startup statement statements
states static staticmethod statistics status stderr stdlib stdout stopiteration stopped storage
stored stores storing strange stream streams strerror strftime strict strictly string stringio
strings stripped stripping strong strptime struct structure structures subclass subclassed
subclasses subclassing subdir subdirectories subdirectory subinterpreter subinterpreters subject
submit submodule submodules subprocess subscriber subscript subsequent subset substitute
substitution substring subtest subtract subtype succeed succeeded succeeds success successful
successfully sufficient suffix suffixes suitable suites summary superadmin superclass superuser
supplied supplier supply support supported supporting supports supposed suppress suppressed
surrogate surrogateescape surrogatepass surrogates switch symbol symbolic symbols symlink
symlinks synchronize syntax syntaxerror syntaxwarning syscall sysconfig system systemerror
systemexit systems tables taking target targets tclerror teardown teardownclass teardownmodule
technically tempdir tempfile template temporarily temporary temporaryfile terminal terminate
terminated terminates terminating terminator testbase testcapi tested tester testfile testfn
testfunc testing testlist testname testtest textiowrapper texttestrunner textwrap thanks
themselves therefore things though thread threaded threading threads threadsafe threshold
through thrown timedelta timeout timeouterror timestamp timezone timing tmpdir tobytes together
tokenize tokenizer tokens tolerate toplevel tortious towards traceback tracebacks tracer tracing
tracked tracker tracking trailer trailing transfer transform transient translate translated
translation transport traversal traverse treated tricky trigger triggered triggering triggers
triple trivial truediv truncate truncated trying tuples turned turtle typeerror typevar typical
typically typing tzinfo ulonglong unable unavailable unbound unbuffered uncache unchanged
unclosed uncompressed unconditionally undecodable undefined underlying underscore underscores
understood undocumented unexpected unexpectedly unfortunately unhandled unhashable unicode
unicodedata unicodeerror unified uninitialized unique universal unknown unless unlike unlikely
unlink unnecessary unpack unpacking unpickle unpickled unpickling unquote unquoted unraisable
unreachable unrecognized unregister unrelated unsafe unsigned unspecified unsupported unused
unwrap update updated updates updating uppercase urllib urlopen urlparse usable useful userdict
userlist username userwarning ushort usually utilities utility validate validation valueerror
values varargs variable variables variant various verbose verbosity verifies verify version
versions vertical virtual visible vxworks waiter waiting waitpid waitstatus wakeup walltime
wanted wantobjects warning warnings warranties warranty weakref weakrefs weakset welcome
westeurope whatever whatsoever whence whenever whereas whether whitespace widget wikipedia
wildcard winapi windll window windows winerror winter within without workaround worker workers
working wouldn wrapped wrapper wrappers wrapping writable writelines writer writes writing
written wronly yellow yielded yielding yields zeroes zipfile
"""

ORDINARY_WORDS: Final = frozenset(_TEXT.split())
