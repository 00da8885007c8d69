package past

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// Reader carries out commands that read on one state of the past. It serves one
// goroutine, and nobody else may use the state meanwhile.
type Reader struct {
	Table *command.Table
	At    replay.Resolved // the moment
	State *state.State    // as it was then
	DB    int             // changed by SELECT
	Rand  func() uint64
}

// Run carries out one command and writes its reply.
func (r *Reader) Run(args [][]byte, out *resp.Writer) {
	spec, problem := r.Table.Lookup(args)
	switch {
	case problem != "":
		out.Error(problem)
	case spec.Flags&command.Write != 0:
		out.Error(ReadOnly(spec, r.At.String()))
	case spec.Decide != nil:
		var events event.Buffer
		c := command.Call{View: r.view(), Out: out, Events: &events, Rand: r.Rand}
		c.Reset(spec, args)
		spec.Decide(&c)
	default:
		r.runOwn(spec, args, out)
	}
}

// ReadOnly refuses a command that writes, at a moment.
func ReadOnly(spec *command.Spec, at string) string {
	text := fmt.Sprintf("ASOFRO %s writes, and the past at %s is read-only; ", spec.Upper(), at)
	if spec.Name == "sort" || spec.Name == "georadius" || spec.Name == "georadiusbymember" {
		return text + spec.Upper() + "_RO reads"
	}
	return text + "`altilium restore` makes a directory from it that can be written"
}

// Exec carries out the commands of a transaction and writes their replies.
func (r *Reader) Exec(queue [][][]byte, out *resp.Writer) {
	limit := command.NewLimit(out)
	out.Array(len(queue))
	for _, args := range queue {
		start := out.Len()
		r.Run(args, out)
		if limit.Exceeded() {
			out.Truncate(start)
			out.Error("ERR this reply is left out, since those of this transaction would be too large")
		}
	}
}

func (r *Reader) view() state.View { return r.State.View(r.DB, r.At.Clock/1000) }

// runOwn carries out what the engine carries out in the present.
func (r *Reader) runOwn(spec *command.Spec, args [][]byte, out *resp.Writer) {
	switch name := spec.FullName(); {
	case name == "select":
		if err := r.selectDB(args[1]); err != nil {
			out.Error(err.Error())
			return
		}
		out.OK()
	case name == "time":
		out.Array(2)
		out.BulkString(strconv.FormatInt(r.At.Clock/1_000_000, 10))
		out.BulkString(strconv.FormatInt(r.At.Clock%1_000_000, 10))
	case name == "log|offset":
		out.Int(int64(r.At.Offset))
	case name == "log|digest":
		out.Array(2)
		out.Int(int64(r.At.Offset))
		out.BulkString(fmt.Sprintf("%016x", r.State.Digest()))
	case IsDigest(spec, args):
		r.debugDigest(args, out)
	default:
		out.Error(NoPast(spec))
	}
}

func (r *Reader) selectDB(word []byte) error {
	n, ok := command.ParseInt(word)
	switch {
	case !ok:
		return errors.New(command.TextNotInteger)
	case n < 0 || n >= state.Databases:
		return errors.New("ERR DB index is out of range")
	}
	r.DB = int(n)
	return nil
}

// Has reports whether a command can be asked of a moment: one about data, or one of those
// about the moment itself. One that writes is refused there.
func Has(spec *command.Spec, args [][]byte) bool {
	switch spec.FullName() {
	case "select", "time", "log|offset", "log|digest":
		return true
	}
	return spec.Decide != nil || IsDigest(spec, args)
}

// NoPast refuses any other.
func NoPast(spec *command.Spec) string {
	return "ERR " + spec.Upper() + " speaks of a connection or a running server; only commands that read data have a past"
}

// IsDigest reports whether a call is DEBUG DIGEST or DEBUG DIGEST-VALUE.
func IsDigest(spec *command.Spec, args [][]byte) bool {
	return spec.Name == "debug" && len(args) > 1 &&
		(len(args) == 2 && command.IsWord(args[1], "DIGEST") || command.IsWord(args[1], "DIGEST-VALUE"))
}

func (r *Reader) debugDigest(args [][]byte, out *resp.Writer) {
	if len(args) == 2 && command.IsWord(args[1], "DIGEST") {
		sum := r.State.RedisDigest()
		out.Simple(hex.EncodeToString(sum[:]))
		return
	}
	out.Array(len(args) - 2)
	for _, key := range args[2:] {
		sum := r.view().RedisDigest(key)
		out.Simple(hex.EncodeToString(sum[:]))
	}
}
