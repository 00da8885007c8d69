package main

import (
	"os"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"altilium": main})
}

// TestScripts runs the scenarios in testdata/script, each a command line session
// with its files, one for a verb. Beside testscript's own commands there are:
//
//	server [@NAME] start [flag …]   a server on a free port; sets $ADDR and $PORT ($ADDR_NAME …)
//	server [@NAME] stop|term|kill   an interrupt or SIGTERM, with exit code 0; kill -9
//	server [@NAME] said PATTERN     what it has printed matches; with ! it does not
//	redis [WORD …]                  sends a command to $ADDR and prints the reply; ! wants an error
//	exit N PROGRAM …                the program ends with that exit code
//	appears FILE PATTERN            waits until the file matches
//	flip FILE BYTE                  changes every bit of a byte; a negative BYTE counts from the end
//	newer DIR                       gives a data directory a format of the future
//	like FILE                       the last standard output is as the file, but for times and addresses
//	forge OLD NEW COMMAND REPLY     copies a recording with other replies to a command
//
// ALTILIUM_TEST_PROGRAM is a directory whose altilium is run instead: one that
// was built with `go build -cover` writes what the scenarios reach to GOCOVERDIR.
//
// A program that a signal is to end is started with `exec sh -c 'exec altilium …
// > out' &name&` and gets it with `kill -INT name`.
func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scenarios stop servers with an interrupt, which Windows does not have")
	}
	p := scenarios()
	p.Dir = "testdata/script"
	testscript.Run(t, p)
}

// scenarios is how they are run.
func scenarios() testscript.Params {
	return testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values[serversKey{}] = map[string]*scriptServer{}
			env.Setenv("NO_COLOR", "1")
			if dir := os.Getenv("ALTILIUM_TEST_PROGRAM"); dir != "" {
				env.Setenv("PATH", dir+string(os.PathListSeparator)+env.Getenv("PATH"))
				env.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"server": serverCommand, "redis": redisCommand, "exit": exitCommand, "appears": appearsCommand,
			"flip": flipCommand, "newer": newerCommand, "forge": forgeCommand, "like": likeCommand,
		},
	}
}
