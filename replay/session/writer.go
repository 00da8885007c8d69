package session

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/vmihailenco/msgpack/v5"
)

// flushEvery is how long a step may stay in the process: what a kill can cost.
const flushEvery = 200 * time.Millisecond

// Writer writes a recording. It takes the engine's steps: Step and Close are
// what the engine wants of a recorder.
type Writer struct {
	table *crc32.Table
	frame bytes.Buffer
	enc   *msgpack.Encoder

	mu    sync.Mutex // guards what the flusher shares with Step
	f     *os.File
	out   *bufio.Writer
	steps int64
	err   error // the first failure; everything after returns it

	stop chan struct{}
	done chan struct{}
}

// Create begins a recording in a new file. An existing one is never written
// over: the error is fs.ErrExist.
func Create(path string, h Header) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("recording %q: %w", h.Name, err)
	}
	w := &Writer{
		table: castagnoli(),
		f:     f,
		out:   bufio.NewWriterSize(f, 256<<10),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	w.enc = msgpack.NewEncoder(&w.frame)
	payload, err := encodeHeader(h)
	if err == nil {
		_, err = w.out.Write(append([]byte(magic), version))
	}
	if err == nil {
		err = w.writeFrame(payload)
	}
	if err == nil {
		err = w.out.Flush()
	}
	if err != nil {
		f.Close()
		os.Remove(path)
		return nil, fmt.Errorf("recording %q: %w", h.Name, err)
	}
	go w.flusher()
	return w, nil
}

// Step records one step. An error (a full disk) is final.
func (w *Writer) Step(s resp.Step) error {
	w.frame.Reset()
	if err := encodeStep(&w.frame, w.enc, s); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = w.writeFrame(w.frame.Bytes())
		w.steps++
	}
	return w.err
}

// Steps is the number of steps recorded so far.
func (w *Writer) Steps() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps
}

// Close writes the last frame, hands everything to the disk and closes the
// file.
func (w *Writer) Close() error {
	close(w.stop)
	<-w.done
	var end bytes.Buffer
	enc := msgpack.NewEncoder(&end)
	err := errors.Join(w.err, enc.EncodeArrayLen(2), enc.EncodeString("end"), enc.EncodeInt(w.steps))
	if err == nil {
		err = w.writeFrame(end.Bytes())
	}
	if err == nil {
		err = w.out.Flush()
	}
	if err == nil {
		err = w.f.Sync()
	}
	return errors.Join(err, w.f.Close())
}

func (w *Writer) writeFrame(payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a step of %d bytes is more than a recording holds (%d)", len(payload), maxFrame)
	}
	var head [binary.MaxVarintLen64 + 4]byte
	n := binary.PutUvarint(head[:], uint64(len(payload)))
	binary.LittleEndian.PutUint32(head[n:], crc32.Checksum(payload, w.table))
	if _, err := w.out.Write(head[:n+4]); err != nil {
		return err
	}
	_, err := w.out.Write(payload)
	return err
}

func (w *Writer) flusher() {
	defer close(w.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.mu.Lock()
			if w.err == nil {
				w.err = w.out.Flush()
			}
			w.mu.Unlock()
		}
	}
}
