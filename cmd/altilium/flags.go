package main

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Where a server and its data are when nothing else was said.
const (
	defaultDir  = "altilium-data"
	defaultAddr = "127.0.0.1:6379"
)

// dirFlag adds --dir to a verb that works on a data directory.
func dirFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("dir", environmentDir(), "data directory")
}

// environmentDir is the data directory of this environment.
func environmentDir() string { return cmp.Or(os.Getenv("ALTILIUM_DIR"), defaultDir) }

// serverAddr is where a server of this environment listens.
func serverAddr() string {
	if port := os.Getenv("ALTILIUM_PORT"); port != "" && port != "0" {
		return "127.0.0.1:" + port
	}
	return defaultAddr
}

// filter is a flag that takes some out of all, which an empty one would not: what a script
// never set is no reason to take everything back.
type filter string

func (f *filter) String() string { return string(*f) }
func (f *filter) Type() string   { return "string" }

func (f *filter) Set(text string) error {
	if text == "" {
		return errors.New("it is empty; without the flag nothing is left out")
	}
	*f = filter(text)
	return nil
}

// target is the running server that a verb talks to.
type target struct{ addr, password string }

// targetFlags adds --addr and --password to a verb that talks to a server. The
// help shows a flag's default, so the password of the environment is none.
func targetFlags(cmd *cobra.Command) *target {
	t := &target{}
	cmd.Flags().StringVar(&t.addr, "addr", serverAddr(), "address of the server: HOST:PORT, or the path of its unix socket")
	passwordFlag(cmd, t)
	return t
}

func passwordFlag(cmd *cobra.Command, t *target) {
	cmd.Flags().StringVar(&t.password, "password", "", "password of the server (default: what ALTILIUM_REQUIREPASS holds)")
}

// hide keeps a flag out of the help: another name stands for it, or it is not
// for people.
func hide(cmd *cobra.Command, flag string) {
	if err := cmd.Flags().MarkHidden(flag); err != nil {
		panic(err) // only for a flag that was not defined
	}
}

// instead says what to write in place of a flag that a verb does not have: ours for one of
// redis-cli, whose short ones mean nothing beside `cli`, or of another verb, or -- before
// what was not meant for a flag.
func instead(cmd *cobra.Command, err error) string {
	var unknown interface{ GetSpecifiedName() string } // pflag's errors about a flag
	if !errors.As(err, &unknown) || !strings.HasPrefix(err.Error(), "unknown ") {
		return ""
	}
	name := unknown.GetSpecifiedName()
	for _, ours := range []struct{ theirs, flag, value string }{
		{"p port host", "addr", " HOST:PORT"}, {"s", "addr", " PATH"}, {"a pass", "password", " PASSWORD"}, {"n", "db", " N"},
		{"keys", "match", " PATTERN"}, {"match", "keys", " PATTERN"},
	} {
		known := cmd.Flags().Lookup(ours.flag) != nil && (len(name) > 1 || cmd.Name() == "cli")
		if known && slices.Contains(strings.Fields(ours.theirs), name) {
			return "here it is --" + ours.flag + ours.value + "; "
		}
	}
	if strings.HasPrefix(err.Error(), "unknown shorthand ") && cmd.ValidateArgs([]string{"-" + name}) == nil {
		return "what begins with - and is no flag comes after --; "
	}
	return ""
}

// noArgs refuses arguments with the verb's own help at hand.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument %q; see `%s --help`", cmd.Name(), args[0], cmd.CommandPath())
	}
	return nil
}

// wantArgs wants between least and most arguments.
func wantArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usagef("usage: %s; see `%s --help`", cmd.UseLine(), cmd.CommandPath())
		}
		return nil
	}
}
