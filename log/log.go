package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/tidwall/wal"
)

// Log is a log open for appending. Append, Commit, Heal, SetPolicy and Close
// belong to one goroutine, the writer; everything else may be called by any.
type Log struct {
	dir  string
	o    Options
	lock *Lock
	seed uint32

	// The writer's.
	batch   wal.Batch
	frame   []byte // scratch for one frame
	next    uint64 // offset of the next Append
	pending int    // entries in batch
	bytes   int64  // of them on disk
	now     int64  // µs of the last Append
	base    base   // what the pending frames count from
	roll    bool   // the pending frames begin a new segment
	policy  Policy
	failed  error // the write that Heal must mend
	tooBig  error // a pending entry that no reader would take

	// Shared.
	last     atomic.Uint64 // committed
	lastTime atomic.Int64
	durable  atomic.Uint64
	total    atomic.Int64          // bytes of entries appended since OpenAppend
	fatal    atomic.Pointer[error] // a failed fsync: final

	background atomic.Bool // the syncer fsyncs each second

	// mu guards what follows; nobody holds it through a system call that can
	// be slow, since the writer takes it at a roll.
	mu      sync.Mutex
	active  *segment
	old     []*segment // rolled, not yet sealed, oldest first
	sealErr error      // why the oldest could not be sealed; tried again each second
	sealed  *sync.Cond // old got shorter, or will not

	manifest   atomic.Pointer[Manifest] // never changed once it is here
	manifestMu sync.Mutex               // one change of the manifest at a time

	manifestClosed bool // no change any more; under manifestMu

	syncMu     sync.Mutex // one fsync round at a time; descriptors are closed under it
	syncClosed bool       // they are; under syncMu
	healMu     sync.Mutex // held by Heal and, while it sets closed, by Close
	closed     bool       // the writer's, who changes it under healMu
	wake       chan struct{}
	stop       chan struct{}
	done       chan struct{}

	tail tail // for readers that follow
}

// segment is one that this process appends to, or did until it rolled.
type segment struct {
	state segmentState // the writer's while active; after the roll it stays
	w     library      // for the one write of each turn; Heal replaces it
	f     *os.File     // our own descriptor, for fsync, from the first to the last
	named bool         // its name in wal/ is durable; under syncMu
}

// OpenAppend opens the log where Scan found its end: steps 6 and 7 of the
// start. The log then has the directory's lock.
func (d *Dir) OpenAppend() (*Log, error) {
	l, err := d.openAppend()
	return l, explain(d.Path, err)
}

func (d *Dir) openAppend() (*Log, error) {
	if d.lock == nil {
		return nil, ErrClosed
	}
	if !d.scanned {
		return nil, errors.New("a log is scanned before it is opened for appending")
	}
	l := &Log{
		dir: d.Path, o: d.o, lock: d.lock, seed: seedOf(d.Manifest.LogID), policy: d.o.Policy,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := unshare(segmentPath(d.Path, d.active.first)); err != nil {
		return nil, err
	}
	l.sealed = sync.NewCond(&l.mu)
	l.tail.grown = make(chan struct{})
	l.background.Store(d.o.Policy == EverySec)
	seg, err := l.openSegment(d.active)
	if err != nil {
		return nil, err
	}
	l.active = seg
	l.begin(d)
	if err := l.makeDurable(d); err != nil {
		return nil, errors.Join(err, seg.close())
	}
	d.lock = nil
	go l.syncer()
	return l, nil
}

// begin sets the positions that follow from what the scan found.
func (l *Log) begin(d *Dir) {
	st := d.active
	l.next = st.first + st.count
	l.base = st.base
	l.now = st.last
	for _, s := range d.unsealed {
		l.now = max(l.now, s.last)
	}
	for _, s := range d.Manifest.Sealed {
		l.now = max(l.now, s.LastTime)
	}
	for _, c := range d.Manifest.Checkpoints {
		l.now = max(l.now, c.Time)
	}
	l.last.Store(l.next - 1)
	l.lastTime.Store(l.now)
	l.roll = st.size >= l.o.SegmentSize
}

// makeDurable is step 7: what the scan found is fsynced, older segments are
// recorded as sealed, the clean-stop mark goes.
func (l *Log) makeDurable(d *Dir) error {
	m := d.Manifest.clone()
	for _, s := range d.unsealed {
		if err := syncFile(segmentPath(l.dir, s.first)); err != nil {
			return err
		}
		m.Sealed = append(m.Sealed, s.sealed())
	}
	if err := errors.Join(fdatasync(l.active.f), SyncDir(filepath.Join(l.dir, "wal"))); err != nil {
		return err
	}
	l.active.named = true
	m.Active = d.active.first
	m.Clean = nil
	m.Boot = l.o.Boot
	if err := m.write(l.dir); err != nil {
		return err
	}
	l.manifest.Store(m)
	l.durable.Store(l.next - 1)
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// openSegment opens the newest segment with the library, and for ourselves.
func (l *Log) openSegment(st segmentState) (*segment, error) {
	w, err := l.openLibrary(st)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(segmentPath(l.dir, st.first), os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &segment{state: st, w: w, f: f}, nil
}

func (s *segment) close() error { return errors.Join(s.w.Close(), s.f.Close()) }

// Append adds an entry to the turn and returns its offset. body is copied. Its
// time is micros, or that of the entry before where that is later. Nothing is
// written before Commit; if Commit fails the offset is given again, and it does
// where an entry is larger than 1 GiB.
func (l *Log) Append(kind uint8, micros int64, body []byte) uint64 {
	l.now = max(l.now, micros)
	if l.roll && l.pending == 0 {
		l.base = base{first: l.next}
	}
	e := Entry{Offset: l.next, Kind: kind, Time: l.now, Synced: l.durable.Load(), Body: body}
	l.next++
	l.pending++
	if len(body) > maxEntry-headMax {
		l.tooBig = fmt.Errorf("an entry of %d bytes is more than the log holds (%d)", len(body), maxEntry-headMax)
		return e.Offset
	}
	if size := headMax + len(body); cap(l.frame) < size {
		l.frame = make([]byte, 0, max(size, 2*cap(l.frame)))
	}
	l.frame = appendFrame(l.frame[:0], l.seed, l.base, e)
	if e.Offset == l.base.first {
		l.base.time = e.Time
	}
	l.batch.Write(e.Offset, l.frame)
	l.bytes += int64(uvarintLen(uint64(len(l.frame))) + len(l.frame))
	return e.Offset
}

func uvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// Pending is the number of entries that the next Commit will write.
func (l *Log) Pending() int { return l.pending }

// SegmentFirst is the first offset of the segment that the next Append lands in.
func (l *Log) SegmentFirst() uint64 {
	if l.roll && l.pending == 0 {
		return l.next
	}
	return l.base.first
}

// Next is the offset that the next Append will return.
func (l *Log) Next() uint64 { return l.next }

// Commit ends the turn: its entries are written with one write, and under
// Always fsynced. On an error none of them is in the log, their offsets are
// free again, and Heal must succeed before the next turn.
func (l *Log) Commit() error {
	if err := l.Err(); err != nil {
		l.discard()
		return err
	}
	if l.closed {
		return ErrClosed
	}
	if l.pending == 0 {
		return nil
	}
	err := l.write()
	if err == nil && l.policy == Always {
		if err = l.Sync(); err != nil {
			l.discard()
			return err
		}
	}
	if err != nil {
		l.failed = fmt.Errorf("the log cannot be written: %w", err)
		l.discard()
		// Whole entries of the turn may be in the file, and a kill before Heal would
		// bring them to life. Heal tries again where this fails.
		_ = l.takeBack()
		return l.failed
	}
	return nil
}

// Err is why nothing can be written now: a failed write that has not been
// healed, or a failed fsync, which is final.
func (l *Log) Err() error {
	if p := l.fatal.Load(); p != nil {
		return *p
	}
	return l.failed
}

// write puts the batch into its segment and publishes it.
func (l *Log) write() error {
	if l.tooBig != nil {
		return l.tooBig
	}
	if l.roll {
		if err := l.beginSegment(); err != nil {
			return err
		}
	}
	if f := l.o.Faults; f != nil {
		if skip, err := l.fault(f); skip || err != nil {
			return err
		}
	}
	err := l.active.w.WriteBatch(&l.batch)
	l.active.w.forget()
	if err != nil {
		return err
	}
	st := &l.active.state
	st.count += uint64(l.pending)
	st.size += l.bytes
	st.base, st.last = l.base, l.now
	st.crc = leadingCRC(l.frame)
	l.roll = st.size >= l.o.SegmentSize
	l.total.Add(l.bytes)
	l.giveBack()
	l.pending, l.bytes = 0, 0
	l.lastTime.Store(l.now)
	l.last.Store(l.next - 1)
	l.tail.published()
	return nil
}

// keepBuffer is how large a turn may be, in bytes, without its buffers being
// given back: one huge value does not stay for ever.
const keepBuffer = 4 << 20

func (l *Log) giveBack() {
	if l.bytes > keepBuffer {
		l.frame, l.batch = nil, wal.Batch{}
	}
}

// fault is the tests' door to failing and lying disks.
func (l *Log) fault(f *Faults) (skip bool, err error) {
	if f.Lossy != nil && f.Lossy() {
		l.discard()
		return true, nil
	}
	if f.Write == nil {
		return false, nil
	}
	short, err := f.Write(l.frame)
	if err != nil && short > 0 {
		entry := append(binary.AppendUvarint(nil, uint64(len(l.frame))), l.frame...)
		_, werr := l.active.f.WriteAt(entry[:min(short, len(entry))], l.active.state.size)
		err = errors.Join(err, werr)
	}
	return false, err
}

// discard forgets the turn.
func (l *Log) discard() {
	l.batch.Clear()
	l.giveBack()
	l.pending, l.bytes, l.tooBig = 0, 0, nil
	l.next = l.last.Load() + 1
	l.now = l.lastTime.Load()
	l.base = l.active.state.base
}

func leadingCRC(frame []byte) uint32 {
	return uint32(frame[0]) | uint32(frame[1])<<8 | uint32(frame[2])<<16 | uint32(frame[3])<<24
}

// SetPolicy changes when an acknowledged write is on the disk.
func (l *Log) SetPolicy(p Policy) {
	l.policy = p
	l.background.Store(p == EverySec)
	l.kick()
}

// Policy is the policy in force. Only for the writer.
func (l *Log) Policy() Policy { return l.policy }

// Last is the offset of the last committed entry; 0 for an empty new log.
func (l *Log) Last() uint64 { return l.last.Load() }

// LastTime is its time in µs since 1970.
func (l *Log) LastTime() int64 { return l.lastTime.Load() }

// Durable is the last offset known to be on the disk.
func (l *Log) Durable() uint64 { return l.durable.Load() }

// Written is the number of bytes appended since the log was opened.
func (l *Log) Written() int64 { return l.total.Load() }

// Dir is the data directory.
func (l *Log) Dir() string { return l.dir }

// ID names the log.
func (l *Log) ID() ID { return l.manifest.Load().LogID }

// Close ends appending. clean syncs everything and leaves the clean-stop mark;
// without it the directory looks as after a crash. Entries that were not
// committed are dropped. The directory may have another owner from then on, so
// whatever would change it afterwards returns ErrClosed, as a second Close does.
func (l *Log) Close(clean bool) error {
	if l.closed {
		return ErrClosed
	}
	l.healMu.Lock() // a try to heal may be under way on another goroutine
	l.closed = true
	l.healMu.Unlock()
	close(l.stop)
	<-l.done
	l.discard()
	var errs []error
	if clean && l.fatal.Load() == nil {
		errs = append(errs, l.stopCleanly())
	}
	l.manifestMu.Lock() // a checkpoint may be about to register itself
	l.manifestClosed = true
	l.manifestMu.Unlock()
	l.syncMu.Lock()
	l.syncClosed = true
	l.mu.Lock()
	for _, s := range append(l.old, l.active) {
		errs = append(errs, s.close())
	}
	l.mu.Unlock()
	l.syncMu.Unlock()
	l.tail.published() // whoever waits finds that nothing comes any more
	return errors.Join(append(errs, l.lock.Release())...)
}

// stopCleanly makes everything durable and leaves the mark: not where a failed
// write has not been healed, since bytes of it may follow the last entry.
func (l *Log) stopCleanly() error {
	if err := l.Sync(); err != nil || l.failed != nil {
		return err
	}
	if err := l.seal(); err != nil {
		return err
	}
	return l.mark()
}

// mark leaves the clean-stop mark.
func (l *Log) mark() error {
	crc, err := l.lastCRC()
	if err != nil {
		return err
	}
	return l.UpdateManifest(func(m *Manifest) error {
		m.Clean = &CleanStop{Last: l.Last(), CRC: crc}
		return nil
	})
}

// lastCRC is the CRC of the last entry; of the last sealed segment's while the
// active one is empty.
func (l *Log) lastCRC() (uint32, error) {
	if l.active.state.count > 0 {
		return l.active.state.crc, nil
	}
	m := l.Manifest()
	if n := len(m.Sealed); n > 0 {
		return m.Sealed[n-1].LastCRC, nil
	}
	return 0, nil
}
