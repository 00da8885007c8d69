package session

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/altilium-db/altilium/resp"
	"github.com/vmihailenco/msgpack/v5"
)

const (
	magic    = "ALTSESS"
	version  = 1
	maxFrame = 1 << 30 // bytes; a command's arguments and reply are far below
	maxTexts = 4096    // settings in a header
)

// Errors that a Reader returns.
var (
	// ErrDamaged is returned when bytes in the middle of a recording are not
	// what was written, or when the file is no recording at all.
	ErrDamaged = errors.New("recording damaged")
	// ErrNewerFormat is returned for a recording of a later format version.
	ErrNewerFormat = errors.New("recording has a newer format")
)

// Header is what a recording says about itself.
type Header struct {
	Name     string
	LogID    string            // of the log that the offset counts in, hexadecimal
	Offset   uint64            // the first step met the state after this entry
	Started  int64             // µs since 1970
	Server   string            // version of the server that recorded it
	Settings map[string]string // settings that replies depend on
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// encodeHeader gives the payload of the first frame.
func encodeHeader(h Header) ([]byte, error) {
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.SetSortMapKeys(true)
	err := enc.EncodeMulti([]any{"session", h.Name, h.LogID, h.Offset, h.Started, h.Server, stringsToAny(h.Settings)})
	return buf.Bytes(), err
}

// stringsToAny gives the encoder a map that it sorts by key.
func stringsToAny(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// decodeHeader reads the payload of the first frame.
func decodeHeader(payload []byte) (Header, error) {
	d := newDecoder(payload)
	var h Header
	if n := d.array(); n != 7 {
		return h, fmt.Errorf("%w: the first frame is no header", ErrDamaged)
	}
	if d.text() != "session" {
		return h, fmt.Errorf("%w: the first frame is no header", ErrDamaged)
	}
	h.Name, h.LogID = d.text(), d.text()
	h.Offset, h.Started = d.uint(), d.int()
	h.Server = d.text()
	n := d.pairs()
	if n > maxTexts {
		return h, fmt.Errorf("%w: %d settings in the header", ErrDamaged, n)
	}
	h.Settings = make(map[string]string)
	for range n {
		k := d.text()
		h.Settings[k] = d.text()
	}
	return h, d.end()
}

// stepFields is the number of fields in a step's frame, 0 for an unknown kind.
func stepFields(k resp.StepKind) int {
	switch k {
	case resp.StepConnect:
		return 4
	case resp.StepPrelude:
		return 5
	case resp.StepCommand:
		return 8
	case resp.StepWait:
		return 6
	case resp.StepEvict, resp.StepFull, resp.StepPush, resp.StepChange, resp.StepHold:
		return 4
	case resp.StepDisconnect, resp.StepTick:
		return 3
	}
	return 0
}

// encodeStep appends the payload of a step's frame to buf.
func encodeStep(buf *bytes.Buffer, enc *msgpack.Encoder, s resp.Step) error {
	n := stepFields(s.Kind)
	if n == 0 {
		return fmt.Errorf("a step of unknown kind %d cannot be recorded", s.Kind)
	}
	enc.Reset(buf)
	err := errors.Join(enc.EncodeArrayLen(n), enc.EncodeUint(uint64(s.Kind)), enc.EncodeUint(s.Conn), enc.EncodeInt(s.Clock))
	switch s.Kind {
	case resp.StepConnect:
		err = errors.Join(err, enc.EncodeString(s.Addr))
	case resp.StepEvict, resp.StepFull, resp.StepChange, resp.StepHold:
		err = errors.Join(err, encodeArgs(enc, s.Args))
	case resp.StepPrelude:
		err = errors.Join(err, enc.EncodeUint(s.Seed), encodeArgs(enc, s.Args))
	case resp.StepCommand:
		err = errors.Join(err, enc.EncodeInt(s.Arrived), enc.EncodeUint(s.Seed), enc.EncodeBool(s.Volatile),
			encodeArgs(enc, s.Args), enc.EncodeBytes(nonNil(s.Reply)))
	case resp.StepWait:
		err = errors.Join(err, enc.EncodeInt(s.Arrived), enc.EncodeUint(s.Seed), encodeArgs(enc, s.Args))
	case resp.StepPush:
		err = errors.Join(err, enc.EncodeBytes(nonNil(s.Reply)))
	}
	return err
}

func encodeArgs(enc *msgpack.Encoder, args [][]byte) error {
	err := enc.EncodeArrayLen(len(args))
	for _, arg := range args {
		err = errors.Join(err, enc.EncodeBytes(nonNil(arg)))
	}
	return err
}

// nonNil keeps msgpack from writing nil where an empty string is meant.
func nonNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}

// decodeStep reads a step's payload. end is the number of steps when the
// payload is the last frame's, -1 otherwise.
func decodeStep(payload []byte) (s resp.Step, end int64, err error) {
	d := newDecoder(payload)
	n := d.array()
	if n == 2 {
		if d.text() != "end" {
			return s, -1, fmt.Errorf("%w: a frame of two fields that is no end", ErrDamaged)
		}
		return s, d.int(), d.end()
	}
	s.Kind = resp.StepKind(d.uint())
	s.Conn, s.Clock = d.uint(), d.int()
	switch s.Kind {
	case resp.StepConnect:
		s.Addr = d.text()
	case resp.StepEvict, resp.StepFull, resp.StepChange, resp.StepHold:
		s.Args = d.args()
	case resp.StepPrelude:
		s.Seed, s.Args = d.uint(), d.args()
	case resp.StepCommand:
		s.Arrived, s.Seed, s.Volatile = d.int(), d.uint(), d.bool()
		s.Args, s.Reply = d.args(), d.bytes()
	case resp.StepWait:
		s.Arrived, s.Seed, s.Args = d.int(), d.uint(), d.args()
	case resp.StepPush:
		s.Reply = d.bytes()
	case resp.StepDisconnect, resp.StepTick:
	default:
		return s, -1, fmt.Errorf("%w: a step of kind %d, which this version does not know", ErrNewerFormat, s.Kind)
	}
	return s, -1, d.end()
}
