package past

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/resp"
)

// maxReply is how large the lines of one answer may be, in bytes.
const maxReply = 256 << 20

// errBusyDiff is returned while there is another LOG DIFF.
var errBusyDiff = errors.New("another LOG DIFF is under way; try again when it has ended")

// tellLog carries out a command of LOG.
func (r *Room) tellLog(ctx context.Context, q *Request, a *Answer, out *resp.Writer) error {
	words := make([]string, len(q.Args)-1)
	for i, arg := range q.Args[1:] {
		words[i] = string(arg)
	}
	switch upper(words[0]) {
	case "TAG":
		return r.tag(q, words[1:], out)
	case "BISECT":
		return r.bisect(ctx, q, words[1:], out)
	case "FORK":
		return r.fork(q, words[1:], out)
	case "RESTORE", "UNDO":
		return r.goBack(ctx, q, words, a)
	case "SUBSCRIBE":
		return r.subscribe(q, words, a, out)
	case "UNTAG":
		return r.untag(words[1], out)
	}
	if upper(words[0]) == "DIFF" { // at worst two whole states, which are not among the views
		if !r.diffing.TryLock() {
			return errBusyDiff
		}
		defer r.diffing.Unlock()
	}
	source := Source{Dir: r.log.Dir(), Now: time.UnixMicro(q.Now), DB: q.DB,
		Window: func() (*replay.Window, error) { return r.window(q), nil }, Seeker: r.seeker, Done: r.seekers.done}
	var lines resp.Writer
	lines.SetProtocol(q.Proto)
	n := 0
	err := source.Lines(words, func(line []byte) error {
		n++
		lines.Bulk(line)
		if lines.Len() > maxReply {
			return fmt.Errorf("the answer is larger than %d MiB: ask for fewer (COUNT n), or a piece of the range", maxReply>>20)
		}
		return nil
	})
	if err != nil {
		return err
	}
	out.Array(n)
	out.Raw(lines.Bytes())
	return nil
}

// subscribe is LOG SUBSCRIBE point and options: the answer is a message, as of SUBSCRIBE.
func (r *Room) subscribe(q *Request, words []string, a *Answer, out *resp.Writer) error {
	if err := new(query).parse(words[2:], followFlags(), followOptions()); err != nil {
		return err
	}
	p, err := edge(words[1])
	if err != nil {
		return err
	}
	w := r.window(q)
	at, err := w.Resolve(p, time.UnixMicro(q.Now))
	if err != nil {
		return err
	}
	if at.Offset+1 < w.First {
		return fmt.Errorf("%w: the first entry that there is is @%d", log.ErrCompacted, w.First)
	}
	a.Follow = &at.Offset
	out.Push(3)
	out.BulkString("logsubscribe")
	out.BulkString(at.String())
	out.Int(1)
	return nil
}

// Follow hands the entries after an offset to put, and those that come, see Source.Follow.
func (r *Room) Follow(ctx context.Context, after uint64, words []string, put func(offset uint64, line []byte) error, idle func() error) error {
	entries, err := replay.LiveEntries(r.log, after)
	if err != nil {
		return err
	}
	defer entries.Close()
	return (&Source{}).Follow(ctx, entries, words, put, idle)
}

// tag is LOG TAG name [point] [FORCE]: the answer is the point.
func (r *Room) tag(q *Request, words []string, out *resp.Writer) error {
	name, point, force := words[0], "@last", false
	if n := len(words); n > 1 && upper(words[n-1]) == "FORCE" {
		words, force = words[:n-1], true
	}
	switch len(words) {
	case 1:
	case 2:
		point = words[1]
	default:
		return ErrUsage
	}
	at, err := r.resolve(q, point)
	if err != nil {
		return err
	}
	if err := Tag(r.log.UpdateManifest, name, at, force); err != nil {
		return err
	}
	out.Simple(at.String())
	return nil
}

func (r *Room) untag(name string, out *resp.Writer) error {
	if err := Untag(r.log.UpdateManifest, name); err != nil {
		return err
	}
	out.OK()
	return nil
}

// ErrTagged is returned for a tag that stands for another point.
var ErrTagged = errors.New("is there already")

// Tag makes a name stand for a reachable point; force takes it from another. update is
// the manifest's, of an open log or a locked directory.
func Tag(update func(func(*log.Manifest) error) error, name string, at replay.Resolved, force bool) error {
	err := replay.CheckTag(name)
	switch upper(name) {
	case "LATEST", "FORCE", "MATCH":
		err = errors.New("where a point can stand, commands take this word for something else; choose another name")
	}
	if err != nil {
		return &replay.PointError{Kind: replay.ErrBadPoint, Point: name, Text: fmt.Sprintf("%q: %v", name, err)}
	}
	return update(func(m *log.Manifest) error {
		if old, ok := m.Tags[name]; ok && old != at.Offset && !force {
			return fmt.Errorf("tag %s %w, at @%d; FORCE moves it", name, ErrTagged, old)
		}
		if reach := compaction.Reach(m); at.Offset < reach {
			return fmt.Errorf("%w: @%d is before the first reachable point @%d", log.ErrCompacted, at.Offset, reach)
		}
		m.Tags[name] = at.Offset
		return nil
	})
}

// Untag takes a name away; the history that it kept may then go.
func Untag(update func(func(*log.Manifest) error) error, name string) error {
	return update(func(m *log.Manifest) error {
		if _, ok := m.Tags[name]; !ok {
			return &replay.PointError{Kind: replay.ErrNoTag, Point: name, Text: fmt.Sprintf("there is no tag %q", name)}
		}
		delete(m.Tags, name)
		return nil
	})
}

// isHistory reports whether a request is a command of LOG about the log itself, whatever
// moment it is asked at.
func isHistory(args [][]byte) bool {
	return strings.EqualFold(string(args[0]), "log") && !strings.EqualFold(string(args[1]), "offset") && !strings.EqualFold(string(args[1]), "digest")
}
