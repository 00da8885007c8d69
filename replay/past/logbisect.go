package past

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/altilium-db/altilium/resp"
)

// errBusySearch is returned while there is another LOG BISECT.
var errBusySearch = errors.New("another LOG BISECT is under way; try again when it has ended")

// search is the LOG BISECT that is under way.
type search struct {
	mu   sync.Mutex
	busy bool
	good uint64 // where it begins: what comes after must stay
}

// Searched are the offsets that a LOG BISECT, LOG RESTORE or LOG UNDO under way goes back
// to: history that retention must keep.
func (r *Room) Searched() []uint64 {
	offsets := r.returns.offsets()
	r.search.mu.Lock()
	defer r.search.mu.Unlock()
	if r.search.busy {
		offsets = append(offsets, r.search.good)
	}
	return offsets
}

// begin makes the search this one's; end must follow.
func (s *search) begin(good uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return errBusySearch
	}
	s.busy, s.good = true, good
	return nil
}

func (s *search) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
}

// bisect is LOG BISECT good bad condition ….
func (r *Room) bisect(ctx context.Context, q *Request, words []string, out *resp.Writer) error {
	x, err := ParseExpr(r.table, joinWords(words[2:]))
	if err != nil {
		return err
	}
	b := x.Bisection(r.table, q.DB, nil)
	if b.Good, err = edge(words[0]); err != nil {
		return err
	}
	if b.Bad, err = edge(words[1]); err != nil {
		return err
	}
	b.Window = r.window(q)
	now := time.UnixMicro(q.Now)
	good, err := b.Window.Resolve(b.Good, now)
	if err != nil {
		return err
	}
	if err := r.search.begin(good.Offset); err != nil {
		return err
	}
	defer r.search.end()
	found, err := b.Run(ctx, now)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := found.Write(r.log.Dir(), &text); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	out.Array(len(lines))
	for _, l := range lines {
		out.BulkString(l)
	}
	return nil
}

// joinWords is the condition that a client has sent: one argument as it is, or several, in
// which a word is quoted again where it must have been.
func joinWords(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\r\n'\"\\") {
			w = resp.Quote([]byte(w))
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}
