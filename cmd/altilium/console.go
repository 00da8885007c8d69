package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state/engine"
	"github.com/rs/zerolog"
)

// printBanner tells a person who has just started a server what there is; at is the
// moment that a server on the past shows.
func printBanner(errs io.Writer, cfg *engine.Config, at *replay.Resolved, addr string) {
	server, dir := "", ""
	if addr != defaultAddr {
		server = " --addr " + quoteWord(addr)
	}
	if password, _ := cfg.Get("requirepass"); password != "" {
		server += " --password …"
	}
	if cfg.Dir() != defaultDir {
		dir = " --dir " + quoteWord(cfg.Dir())
	}
	fmt.Fprintf(errs, "\n  altilium %s   listening on %s\n", version, addr)
	if at != nil {
		fmt.Fprintf(errs, "  data        %s, as it was at %s, read-only\n  try         altilium cli%s TIME\n\n", cfg.Dir(), at, server)
		return
	}
	fmt.Fprintf(errs, "  data        %s\n  durability  %s\n", cfg.Dir(), durability(cfg.Fsync()))
	tries := [...][2]string{
		{"altilium cli" + server + " SET greeting hello", "redis-cli or any other client will do"},
		{"altilium at" + dir + " @-1m", "the state of a minute ago"},
		{"altilium history" + dir + " greeting", "who changed a key"},
	}
	width := 0
	for _, try := range tries {
		width = max(width, len(try[0]))
	}
	title := "try"
	for _, try := range tries {
		fmt.Fprintf(errs, "  %-11s %-*s   (%s)\n", title, width, try[0], try[1])
		title = ""
	}
	fmt.Fprintln(errs)
}

func durability(p log.Policy) string {
	switch p {
	case log.Always:
		return "always: an acknowledged write is on the disk"
	case log.No:
		return "no: kill -9 loses nothing; power loss costs what the system had not written"
	}
	return "everysec: kill -9 loses nothing; power loss costs at most 1.5 s"
}

// newLogger writes for people on a terminal, one line an event, from the level
// on that level gives at that moment: CONFIG SET may change it.
func newLogger(out io.Writer, level func() string) zerolog.Logger {
	console := zerolog.ConsoleWriter{Out: out, NoColor: !isTerminal(out) || os.Getenv("NO_COLOR") != ""}
	return zerolog.New(console).Hook(logHook{level})
}

// logHook leaves out what is below the level, and puts the time of day on each
// line, in ms: the library's own has only seconds, unless a variable of the whole
// process is changed.
type logHook struct{ level func() string }

// Run is zerolog's hook.
func (h logHook) Run(e *zerolog.Event, level zerolog.Level, _ string) {
	if level < leastLevel(h.level()) {
		e.Discard()
		return
	}
	e.Str(zerolog.TimestampFieldName, time.Now().Format("15:04:05.000"))
}

// leastLevel is the library's name for a value of the setting loglevel.
func leastLevel(setting string) zerolog.Level {
	switch setting {
	case "debug", "verbose":
		return zerolog.DebugLevel
	case "warning":
		return zerolog.WarnLevel
	}
	return zerolog.InfoLevel
}
