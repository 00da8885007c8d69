package session

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/altilium-db/altilium/resp"
)

// Reader reads a recording, step by step.
type Reader struct {
	Header Header

	f        *os.File
	in       *bufio.Reader
	table    *crc32.Table
	pos      int64 // of the next frame
	size     int64
	steps    int64
	complete bool
}

// Open opens a recording and reads its header. The error is ErrDamaged for
// what is no recording and ErrNewerFormat for one of a later version.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{f: f, in: bufio.NewReaderSize(f, 1<<20), table: castagnoli()}
	if err := r.begin(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *Reader) begin() error {
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	r.size = info.Size()
	head := make([]byte, len(magic)+1)
	if _, err := io.ReadFull(r.in, head); err != nil || string(head[:len(magic)]) != magic {
		return fmt.Errorf("%w: it does not begin like a recording", ErrDamaged)
	}
	if v := head[len(magic)]; v != version {
		return fmt.Errorf("%w: version %d, this program reads %d", ErrNewerFormat, v, version)
	}
	r.pos = int64(len(head))
	payload, err := r.frame()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	r.Header, err = decodeHeader(payload)
	return err
}

// Next returns the next step; io.EOF after the last one, complete or not.
func (r *Reader) Next() (resp.Step, error) {
	at := r.pos
	payload, err := r.frame()
	if errors.Is(err, errCut) {
		return resp.Step{}, io.EOF
	}
	if err != nil {
		return resp.Step{}, err
	}
	s, end, err := decodeStep(payload)
	if err != nil {
		return s, fmt.Errorf("step %d at byte %d: %w", r.steps+1, at, err)
	}
	if end >= 0 {
		if end != r.steps || r.pos != r.size {
			return s, fmt.Errorf("%w: the end at byte %d counts %d steps, %d were read, %d bytes follow",
				ErrDamaged, at, end, r.steps, r.size-r.pos)
		}
		r.complete = true
		return s, io.EOF
	}
	r.steps++
	return s, nil
}

// Complete reports, after io.EOF, whether the recording has its end: one
// without was cut short, most likely because the server was killed.
func (r *Reader) Complete() bool { return r.complete }

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

// errCut says that the file ends inside a frame, or that its last frame is not
// whole.
var errCut = errors.New("cut short")

// frame reads and checks one frame.
func (r *Reader) frame() ([]byte, error) {
	n, err := binary.ReadUvarint(r.in)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errCut
	}
	if err != nil {
		return nil, fmt.Errorf("%w: byte %d: %w", ErrDamaged, r.pos, err)
	}
	head := int64(uvarintLen(n)) + 4
	left := r.size - r.pos - head
	if n > maxFrame {
		return nil, fmt.Errorf("%w: byte %d announces a frame of %d bytes", ErrDamaged, r.pos, n)
	}
	if int64(n) > left {
		return nil, errCut
	}
	buf := make([]byte, 4+int(n))
	if _, err := io.ReadFull(r.in, buf); err != nil {
		return nil, errCut
	}
	if binary.LittleEndian.Uint32(buf) != crc32.Checksum(buf[4:], r.table) {
		if int64(n) == left {
			return nil, errCut
		}
		return nil, fmt.Errorf("%w: byte %d: the frame of %d bytes fails its CRC", ErrDamaged, r.pos, n)
	}
	r.pos += head + int64(n)
	return buf[4:], nil
}

func uvarintLen(n uint64) int {
	var tmp [binary.MaxVarintLen64]byte
	return binary.PutUvarint(tmp[:], n)
}
