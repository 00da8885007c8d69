package past

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// Source is a log of which lines are asked, by [Source.Lines].
type Source struct {
	Dir    string
	Window func() (*replay.Window, error)
	Seeker func() (*replay.Seeker, error) // for single keys
	Done   func(*replay.Seeker)           // has it back
	Now    time.Time                      // from which ages count
	DB     int                            // of keys
}

// ErrUsage is what is wrong with the words of a query.
var ErrUsage = errors.New("syntax error")

// Lines carries out one of the commands of LOG that answer lines, and hands them to put:
// for a person, or with the word JSON an object each for a program. A line is put's for the
// call. words are those after LOG:
//
//	RANGE a b [MATCH glob] [CLIENT glob] [CMD glob]       entries after a up to b; - and + are
//	      [COUNT n] [REV] [BRIEF]                         the first and the last point
//	KEY key [FROM a] [TO b] [CLIENT glob] [CMD glob]      entries that changed a key
//	      [COUNT n] [REV] [BRIEF | VALUES]
//	BLAME key [FIELD field] [AT point]                    who wrote what it holds
//	DIFF a b [MATCH glob] [STAT | NAMES]                  what differs
//	TAGS                                                  the tags
//
// COUNT takes the first n, the last with REV, which turns the order round. BRIEF leaves
// effects out, VALUES adds what the key then held.
func (s *Source) Lines(words []string, put func(line []byte) error) error {
	forms := map[string]struct {
		fixed int
		flags []string // without a value
		named []string // with one
		run   func(*Source, *query) error
	}{
		"RANGE": {2, []string{"REV", "BRIEF"}, []string{"MATCH", "CLIENT", "CMD", "COUNT"}, (*Source).entries},
		"KEY":   {1, []string{"REV", "BRIEF", "VALUES"}, []string{"FROM", "TO", "CLIENT", "CMD", "COUNT"}, (*Source).key},
		"BLAME": {1, nil, []string{"FIELD", "AT"}, (*Source).blame},
		"DIFF":  {2, []string{"STAT", "NAMES"}, []string{"MATCH"}, (*Source).diff},
		"TAGS":  {0, nil, nil, (*Source).tags},
	}
	form, ok := forms[upper(words[0])]
	if !ok || len(words) < 1+form.fixed {
		return fmt.Errorf("%w: %s", ErrUsage, words[0])
	}
	q := &query{words: words[1 : 1+form.fixed], count: math.MaxInt, write: put}
	if err := q.parse(words[1+form.fixed:], form.flags, form.named); err != nil {
		return err
	}
	if text, ok := q.options["COUNT"]; ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("COUNT %s: want a number of entries, 0 or more", text)
		}
		q.count = n
	}
	return form.run(s, q)
}

// query is a call of Lines.
type query struct {
	words   []string
	options map[string]string
	count   int
	write   func(line []byte) error
	text    []byte // what is written next
}

// put writes a row: what it says for a person, or its JSON.
func (q *query) put(row fmt.Stringer) error {
	if !q.has("JSON") {
		return q.write([]byte(row.String()))
	}
	line, err := json.Marshal(row)
	if err != nil {
		return err
	}
	return q.write(line)
}

// parse reads options: flags stand alone, JSON always may, named ones have a value.
func (q *query) parse(words, flags, named []string) error {
	return q.parseOnly(words, append([]string{"JSON"}, flags...), named)
}

// parseOnly is parse of what has no JSON.
func (q *query) parseOnly(words, flags, named []string) error {
	q.options = map[string]string{}
	for len(words) > 0 {
		name := upper(words[0])
		switch {
		case slices.Contains(flags, name):
			q.options[name], words = name, words[1:]
		case slices.Contains(named, name) && len(words) > 1:
			q.options[name], words = words[1], words[2:]
		default:
			return fmt.Errorf("%w at %q", ErrUsage, words[0])
		}
	}
	return nil
}

// option is an option's value, or what it is where it was not given.
func (q *query) option(name, otherwise string) string {
	if text, ok := q.options[name]; ok {
		return text
	}
	return otherwise
}

// keyOf is the key that q is about.
func (s *Source) keyOf(q *query) replay.Key {
	return replay.Key{DB: s.DB, Key: []byte(q.words[0])}
}

func (q *query) has(flag string) bool { return q.options[flag] != "" }

// matches holds text against the pattern of an option: true where there is none.
// The case of letters counts in keys only.
func (q *query) matches(option string, text []byte) bool {
	pattern, ok := q.options[option]
	return !ok || command.Glob([]byte(pattern), text, option != "MATCH")
}

func (s *Source) resolve(text string) (replay.Resolved, error) {
	p, err := edge(text)
	if err != nil {
		return replay.Resolved{}, err
	}
	w, err := s.Window()
	if err != nil {
		return replay.Resolved{}, err
	}
	return w.Resolve(p, s.Now)
}

// edge reads a point, and - and +.
func edge(text string) (replay.Point, error) {
	switch text {
	case "-":
		return replay.Start(), nil
	case "+":
		return replay.Last(), nil
	}
	return replay.ParsePoint(text)
}

// piece is how many entries are read at once where the order is turned round.
const piece = 4096

// entries is RANGE.
func (s *Source) entries(q *query) error {
	to, err := s.resolve(q.words[1]) // first: of @9^..@9, which is @9, the error names that
	if err != nil {
		return err
	}
	after, err := s.resolve(q.words[0])
	if err != nil {
		return err
	}
	if !q.has("REV") {
		return s.forward(q, after.Offset, to.Offset, false, q.line)
	}
	for hi := to.Offset; hi > after.Offset && q.count > 0; {
		lo := max(after.Offset, hi-min(hi, piece))
		var rows []*replay.Line
		left := q.count
		q.count = math.MaxInt
		err := s.forward(q, lo, hi, true, func(line *replay.Line) error { rows = append(rows, line); return nil })
		if err != nil {
			return err
		}
		q.count = left
		for _, r := range slices.Backward(rows) {
			if q.count == 0 {
				return nil
			}
			q.count--
			if err := q.line(r); err != nil {
				return err
			}
		}
		hi = lo
	}
	return nil
}

// forward hands the lines of a range that q wants to put, in order. They are put's for the
// call, but where it keeps them.
func (s *Source) forward(q *query, after, to uint64, keeps bool, put func(*replay.Line) error) error {
	if after >= to {
		return nil
	}
	entries, err := replay.OpenEntries(s.Dir, after)
	if err != nil {
		return err
	}
	defer entries.Close()
	if !keeps {
		entries.Reuse()
	}
	for q.count > 0 {
		line, err := entries.Next()
		if errors.Is(err, io.EOF) || err == nil && line.Offset > to {
			return nil
		}
		if err != nil {
			return err
		}
		if !q.wants(line) {
			continue
		}
		q.count--
		if err := put(line); err != nil {
			return err
		}
	}
	return nil
}

// line puts an entry.
func (q *query) line(l *replay.Line) error {
	if q.has("BRIEF") {
		l.Facts = l.Facts[:0]
	}
	if cap(q.text) > keepText {
		q.text = nil
	}
	if q.has("JSON") {
		q.text = l.AppendJSON(q.text[:0])
	} else {
		q.text = l.Append(q.text[:0])
	}
	return q.write(q.text)
}

// keepText is how long a line may be, in bytes, whose memory is used again.
const keepText = 64 << 10

func followFlags() []string   { return []string{"BRIEF"} }
func followOptions() []string { return []string{"MATCH", "CLIENT", "CMD"} }

// Follow hands the entries after an offset to put, and those that come, until ctx ends or put
// fails. words are options of RANGE: MATCH, CLIENT, CMD, BRIEF, JSON. idle
// is called whenever there are no more for now. A line is put's for the call; most take no
// memory, so that one who follows costs a writer no collections of garbage.
func (s *Source) Follow(ctx context.Context, entries *replay.Entries, words []string, put func(offset uint64, line []byte) error, idle func() error) error {
	entries.Reuse()
	var at uint64
	q := &query{write: func(text []byte) error { return put(at, text) }}
	if err := q.parse(words, followFlags(), followOptions()); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := entries.Next()
		if errors.Is(err, io.EOF) {
			if err = idle(); err == nil {
				err = entries.Wait(ctx)
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		if at = line.Offset; q.wants(line) {
			if err := q.line(line); err != nil {
				return err
			}
		}
	}
}

// wants holds an entry against MATCH, CLIENT and CMD.
func (q *query) wants(line *replay.Line) bool {
	return q.wantsCommand(line) && q.wantsClient(line) && q.wantsKeys(line)
}

// wantsCommand holds what caused an entry against CMD: the command, or one of a transaction.
func (q *query) wantsCommand(line *replay.Line) bool {
	if _, ok := q.options["CMD"]; !ok || q.isCommand(line.Cause) || slices.ContainsFunc(line.Within, q.isCommand) {
		return true
	}
	for i := range line.Facts {
		if e := &line.Facts[i].Event; e.Kind == event.Cause && q.isCommand(e.Items) {
			return true
		}
	}
	return false
}

// isCommand holds a command against CMD. Of one that was logged with its arguments the name may
// be two words, as in LOG RESTORE.
func (q *query) isCommand(argv [][]byte) bool {
	switch {
	case len(argv) == 0:
		return false
	case q.matches("CMD", argv[0]):
		return true
	}
	return len(argv) > 1 && strings.Contains(q.options["CMD"], " ") && q.matches("CMD", bytes.Join(argv[:2], []byte(" ")))
}

func (q *query) wantsClient(line *replay.Line) bool {
	if _, ok := q.options["CLIENT"]; !ok {
		return true
	}
	var number [20]byte
	if q.matches("CLIENT", strconv.AppendUint(number[:0], line.Conn, 10)) {
		return true
	}
	o := line.Origin
	return o != nil && (q.matches("CLIENT", []byte(o.Name)) || q.matches("CLIENT", []byte(o.Addr)) || q.matches("CLIENT", []byte(o.User)))
}

func (q *query) wantsKeys(line *replay.Line) bool {
	if _, ok := q.options["MATCH"]; !ok {
		return true
	}
	found := false
	for i := range line.Facts {
		f := &line.Facts[i]
		f.Event.Keys(f.DB, func(_ int, key []byte) { found = found || q.matches("MATCH", key) })
		found = found || f.Event.OnDatabases()
	}
	return found
}

// key is KEY.
func (s *Source) key(q *query) error {
	to, err := s.resolve(q.option("TO", "+")) // first, as in entries
	if err != nil {
		return err
	}
	from, err := s.resolve(q.option("FROM", "-"))
	if err != nil {
		return err
	}
	seeker, err := s.Seeker()
	if err != nil {
		return err
	}
	defer s.Done(seeker)
	if q.has("REV") {
		return s.newest(q, seeker, from.Offset, to.Offset)
	}
	err = seeker.Changes(s.keyOf(q), from.Offset, to.Offset, q.has("VALUES"), func(c replay.Change) error {
		if !q.wants(&c.Line) {
			return nil
		}
		if q.count == 0 {
			return errEnough
		}
		q.count--
		return q.change(&c)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// newest puts the last changes of a key, newest first. A change is known by what the key held
// before, so it is gone through forwards: from as many entries before the end as are wanted,
// and from further back where some of those changed nothing.
func (s *Source) newest(q *query, seeker *replay.Seeker, after, to uint64) error {
	for n := q.count; q.count > 0; n = min(2*n, math.MaxInt/2) {
		from, err := s.backTo(q, seeker, after, to, n)
		if err != nil {
			return err
		}
		var kept []replay.Change
		err = seeker.Changes(s.keyOf(q), from, to, q.has("VALUES"), func(c replay.Change) error {
			if q.wants(&c.Line) {
				kept = append(kept, c)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(kept) < q.count && from > after {
			continue
		}
		kept = kept[max(0, len(kept)-q.count):]
		for i := range slices.Backward(kept) {
			if err := q.change(&kept[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// backTo is the offset after which there are n entries that name the key and are wanted, or
// the end of the range that there are fewer in.
func (s *Source) backTo(q *query, seeker *replay.Seeker, after, to uint64, n int) (uint64, error) {
	if n == math.MaxInt {
		return after, nil
	}
	for l, err := range seeker.Lines(s.keyOf(q), after, to, true) {
		if err != nil {
			return 0, err
		}
		if !q.wants(l) {
			continue
		}
		if n--; n == 0 {
			return l.Offset - 1, nil
		}
	}
	return after, nil
}

// errEnough ends a visit.
var errEnough = errors.New("enough")

func (q *query) change(c *replay.Change) error {
	if q.has("VALUES") {
		return q.put(*c)
	}
	return q.line(&c.Line)
}

// blame is BLAME.
func (s *Source) blame(q *query) error {
	from, err := s.resolve("-")
	if err != nil {
		return err
	}
	at, err := s.resolve(q.option("AT", "+"))
	if err != nil {
		return err
	}
	var field []byte
	if text, ok := q.options["FIELD"]; ok {
		field = []byte(text)
	}
	seeker, err := s.Seeker()
	if err != nil {
		return err
	}
	defer s.Done(seeker)
	parts, err := seeker.Blames(s.keyOf(q), field, from.Offset, at.Offset)
	if err != nil {
		return err
	}
	for i := range parts {
		if err := q.put(parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// diff is DIFF.
func (s *Source) diff(q *query) error {
	from, err := s.resolve(q.words[0])
	if err != nil {
		return err
	}
	to, err := s.resolve(q.words[1])
	if err != nil {
		return err
	}
	seeker, err := s.Seeker()
	if err != nil {
		return err
	}
	c, err := seeker.Compare(from, to, nil)
	s.Done(seeker)
	if err != nil {
		return err
	}
	stat, err := c.Each(func(key []byte) bool { return q.matches("MATCH", key) }, func(d replay.Difference) error {
		switch {
		case q.has("STAT"):
			return nil
		case q.has("NAMES"):
			return q.write([]byte(d.Mark() + " " + d.Name()))
		}
		return q.put(d)
	})
	if err == nil && q.has("STAT") {
		err = q.put(stat)
	}
	return err
}

// tags is TAGS, by offset.
func (s *Source) tags(q *query) error {
	w, err := s.Window()
	if err != nil {
		return err
	}
	for _, t := range w.TagList() {
		if err := q.put(t); err != nil {
			return err
		}
	}
	return nil
}

// upper is an option's word in upper case.
func upper(word string) string {
	b := []byte(word)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
