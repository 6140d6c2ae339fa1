package scopeflow

import (
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// AtofExporterConfig says where an [AtofExporter] writes.
type AtofExporterConfig struct {
	// OutputDirectory is made if it is missing; the working directory by default.
	OutputDirectory string
	// Filename is the file's name; `events.atof.jsonl` by default.
	Filename string
	// Mode says what happens to a file that exists: lines are added, by default.
	Mode FileMode
	// Runtime is the one whose events are written; the default runtime by default.
	Runtime *Runtime
	// Delivery says when a line reaches the file: by default before the call that emitted the event
	// returns, since a Go program that ends drains no queue. With [SinkDeliveryQueued], which takes
	// the write off the call, Close or ForceFlush has to be called before the program ends.
	Delivery SinkDelivery
	// Overflow says what happens when the queue is full: the call waits, by default.
	Overflow SinkOverflow
	// FileLimitBytes is the largest size of the file before it is renamed to `<path>.1`; 0 means that
	// there is no limit.
	FileLimitBytes uint64
	// KeptFileCount is how many renamed files are kept; 0 means 5.
	KeptFileCount uint32
}

// flushTimeout is the longest wait of a flush.
const flushTimeout = 30 * time.Second

// AtofExporter writes events to a file as lines of ATOF 0.1. It is a subscriber of the core: no Go code
// runs for an event. The file has the mode 0600; several processes may add to it.
type AtofExporter struct {
	sink     *atofSink
	runtime  *Runtime
	path     string
	cleanup  runtime.Cleanup
	mu       sync.Mutex // Guards the sink from being used and freed at once.
	isClosed bool
}

var _ io.Closer = (*AtofExporter)(nil)

// NewAtofExporter opens or makes the file. Register makes it receive events.
func NewAtofExporter(config AtofExporterConfig) (*AtofExporter, error) {
	r := config.Runtime
	if r == nil {
		var err error
		if r, err = Default(); err != nil {
			return nil, err
		}
	}
	if config.Filename == "" {
		config.Filename = "events.atof.jsonl"
	}
	var arguments atofSinkOpenArguments
	arguments.setDefaults()
	arguments.path = filepath.Join(config.OutputDirectory, config.Filename)
	arguments.mode = config.Mode
	arguments.delivery = config.Delivery
	arguments.overflow = config.Overflow
	arguments.fileLimit = config.FileLimitBytes
	if config.KeptFileCount != 0 {
		arguments.keptFileCount = config.KeptFileCount
	}
	handle, err := coreAtofSinkOpen(&arguments)
	if err != nil {
		return nil, err
	}
	e := &AtofExporter{sink: &atofSink{handle}, runtime: r, path: arguments.path}
	e.cleanup = runtime.AddCleanup(e, coreAtofSinkFree, handle)
	return e, nil
}

// Path returns the path of the file.
func (e *AtofExporter) Path() string {
	if e == nil {
		return ""
	}
	return e.path
}

// Register makes the exporter a subscriber of its runtime under a name.
func (e *AtofExporter) Register(name string) error {
	return e.withSink(func() error { return e.sink.Register(e.runtime, name) })
}

// Deregister removes the registration of a name and says whether there was one.
func (e *AtofExporter) Deregister(name string) bool {
	return e != nil && e.runtime.DeregisterSubscriber(name)
}

// ForceFlush waits until every event that was emitted before is in the file. It returns the first
// failure to write since the last flush, with the system's reason.
func (e *AtofExporter) ForceFlush() error {
	return e.withSink(func() error { return e.sink.Flush(uint64(flushTimeout)) })
}

// Close flushes the file and gives it back; it is closed once no registration holds it either. A
// second Close is [ErrInvalidState].
func (e *AtofExporter) Close() error {
	return e.withSink(func() error {
		err := e.sink.Flush(uint64(flushTimeout))
		e.isClosed = true
		e.cleanup.Stop()
		coreAtofSinkFree(e.sink.handle)
		return err
	})
}

// ReadStats counts what became of the events so far (S5.7). A closed exporter is [ErrInvalidState].
func (e *AtofExporter) ReadStats() (stats SinkStats, err error) {
	err = e.withSink(func() error {
		stats, err = e.sink.ReadStats()
		return err
	})
	return stats, err
}

func (e *AtofExporter) withSink(use func() error) error {
	if e == nil {
		return invalidArgument("the exporter must not be nil")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.isClosed {
		return newError(StatusInvalidState, "the exporter is closed")
	}
	err := use()
	runtime.KeepAlive(e)
	return err
}
