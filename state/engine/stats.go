package engine

import (
	"bytes"
	"strings"

	"github.com/altilium-db/altilium/state/command"
)

// commandStats is what INFO commandstats shows of one command.
type commandStats struct {
	Calls    int64
	Micros   int64 // in all calls together
	Rejected int64 // never executed: wrong arity, no rights, no log
	Failed   int64 // executed, and answered an error

	times distribution // of those that were executed
}

// counters is what INFO stats shows. CONFIG RESETSTAT clears it.
type counters struct {
	commands      int64 // executed, queued or rejected, each command of an EXEC too
	connections   int64 // accepted
	rejectedConns int64
	expired       int64 // keys removed because their time had come
	evicted       int64 // keys removed because memory was full
	hits, misses  int64 // keys that read-only commands found, or did not
	errorReplies  int64

	limitDisconnects int64            // subscribers closed for what they left unread
	errors           map[string]int64 // error replies by their code
}

// maxErrorCodes bounds counters.errors.
const maxErrorCodes = 128

// countError counts an error reply; text begins with its code.
func (e *Engine) countError(text string) {
	e.counters.errorReplies++
	code := text
	if i := strings.IndexAny(text, " \r"); i >= 0 {
		code = text[:i]
	}
	if _, known := e.counters.errors[code]; known || len(e.counters.errors) < maxErrorCodes {
		e.counters.errors[strings.Clone(code)]++
	}
}

// countLookup counts hits and misses of a read-only command by its reply: only
// one that may mean "no such key" is worth a look at the keyspace.
func (e *Engine) countLookup(c *command.Call, reply []byte) {
	several := len(c.Spec.Keys) > 1 || c.Spec.Keys[0].Last != c.Spec.Keys[0].First
	if !several && !mayBeMiss(reply) {
		e.counters.hits++
		return
	}
	for i := range c.Spec.KeyPositions(c.Args) {
		if c.View.Exists(c.Args[i]) {
			e.counters.hits++
		} else {
			e.counters.misses++
		}
	}
}

// mayBeMiss reports whether a reply can be that of a command whose key is not
// there.
func mayBeMiss(reply []byte) bool {
	if len(reply) < 3 {
		return true
	}
	switch reply[0] {
	case '$', '*', '%', '~', ':':
		return reply[1] == '-' || reply[1] == '0'
	case '_':
		return true
	case '+':
		return bytes.HasPrefix(reply, []byte("+none"))
	case '-':
		return !bytes.HasPrefix(reply, []byte("-WRONGTYPE"))
	}
	return false
}

// resetStats is CONFIG RESETSTAT.
func (e *Engine) resetStats() {
	e.counters = counters{errors: make(map[string]int64)}
	for i := range e.rows {
		e.rows[i].stats = commandStats{}
	}
}
