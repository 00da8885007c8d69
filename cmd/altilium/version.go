package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is the program's, shown by `altilium version` and INFO.
const version = "0.1.0"

// redisVersion is the Redis whose behaviour this program has, as INFO says.
const redisVersion = "7.2.4"

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version of this program, the Redis version whose behaviour it has,\nand what it was built with.",
		Example: `  altilium version`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]string{
					"version": version, "revision": strings.TrimPrefix(revision(), "+"), "redis_version": redisVersion,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			fmt.Fprint(cmd.OutOrStdout(), versionLine())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// versionLine is the same for a person.
func versionLine() string {
	return fmt.Sprintf("altilium %s%s (answers as Redis %s; %s %s/%s)\n",
		version, revision(), redisVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// revision is the commit that the program was built from, where Go knows it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "+" + s.Value[:12]
		}
	}
	return ""
}
