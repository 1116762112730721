#!/usr/bin/perl
# The programs in the guides: takes them out of the text, and runs them as the text says.
#
#     tests/book/book.pl extract TOP DIR      writes DIR/PAGE/FILE, and lists the programs for CMake
#     tests/book/book.pl check TOP            checks the blocks, without building anything
#     tests/book/book.pl run TOP BUILD        runs the programs that were built; a line for each
#
# A page is a file of README.md, docs/ or examples/, and its blocks are:
#
#     ```c NAME.c [test] [curl] [uv] [event] [threads] [OTHER.c …]
#                       a file; with a main() a program, linked with the kit, the libraries and the
#                       other files that the words name
#     ```input          its standard input
#     ```output         its standard output, all of it; "…" stands for any text in a line
#     ```errors [exit N]   its standard error, and its exit status; without it nothing, and 0
#     ```console        commands after "$ ", continued after "> ", and what they print; run by sh in
#                       a directory that has the programs and files of the page; 8888 is a free port
#     ```c              a part of such a program, or of an example
#     ```sh             commands to be read, or run as root; only their syntax is checked
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use File::Path 'make_path';
use File::Temp 'tempdir';
use IO::Socket::INET;

my ($action, $top, $dir) = @ARGV;
die "usage: book.pl extract|check|run TOP [DIR]\n" unless $top && -d $top;

sub text
{
    my ($file, $text) = @_;

    if (defined $text) {
        return if -f $file && text($file) eq $text; # so that nothing is compiled again
        make_path(dirname($file));
        open my $out, '>', $file or die "$file: $!\n";
        print $out $text;
        return close $out;
    }
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return <$in> // '';
}

# The blocks of a page: language, words behind it, text, line.
sub blocks
{
    my ($page) = @_;
    my (@blocks, $block, $line);

    for (split /^/, text("$top/$page")) {
        $line++;
        if (!$block && /^```(\w+)[ ]*(.*?)\s*$/) {
            $block = {lang => $1, words => [split ' ', $2], text => '', line => $line};
        } elsif ($block && /^```\s*$/) {
            push @blocks, $block;
            $block = undef;
        } elsif ($block) {
            $block->{text} .= $_;
        }
    }
    return @blocks;
}

sub pages
{
    return map { s{^\Q$top\E/}{}r } grep { -f } "$top/README.md", glob("$top/examples/*.md"),
        glob("$top/docs/*.md"), glob("$top/docs/*/*.md");
}

# The name of a page as a folder and in names of targets.
sub folder
{
    return $_[0] =~ s{^docs/}{}r =~ s{\.md$}{}r =~ s{/}{-}gr;
}

sub is_program
{
    return $_[0]{text} =~ /^int main\(/m;
}

# The named files of a page, and what is run: programs with what belongs to them, and sessions.
sub read_page
{
    my ($page) = @_;
    my (@files, @cases);

    for my $b (blocks($page)) {
        if ($b->{lang} =~ /^c(?:pp)?$/ && @{$b->{words}}) {
            push @files, $b;
            push @cases, {%$b, name => $b->{words}[0]} if is_program($b);
        } elsif ($b->{lang} eq 'console') {
            push @cases, {%$b, name => "session at line $b->{line}"};
        } elsif ($b->{lang} =~ /^(?:input|output|errors)$/ && @cases) {
            $cases[-1]{$b->{lang}} = $b->{text};
            $cases[-1]{status} = $1 if "@{$b->{words}}" =~ /exit (\d+)/;
        }
    }
    return (\@files, \@cases);
}

sub extract
{
    for my $page (pages()) {
        my ($files, $cases) = read_page($page);
        my $to = "$dir/" . folder($page);

        text("$to/$_->{words}[0]", $_->{text}) for @$files;
        print join(' ', folder($page), @{$_->{words}}), "\n"
            for grep { $_->{lang} ne 'console' } @$cases;
    }
}

my $failed = 0;
sub result
{
    my ($name, $why, $detail) = @_;

    if (!defined $why) {
        print "ok $name\n";
        return;
    }
    print "not ok $name - $why\n", map { "# $_\n" } split /\n/, $detail // '';
    $failed = 1;
}

sub check
{
    for my $page (pages()) {
        my ($files, $cases) = read_page($page);
        my $sessions = join '', map { $_->{text} } grep { $_->{lang} eq 'console' } @$cases;
        my ($wrong, %seen) = ('');

        for (@$files) {
            $wrong .= "$page:$_->{line}: a second $_->{words}[0]\n" if $seen{$_->{words}[0]}++;
        }
        for (grep { $_->{lang} ne 'console' } @$cases) {
            my $program = $_->{name} =~ s/\.\w+$//r;

            $wrong .= "$page:$_->{line}: $_->{name} has no output, and no session runs it\n"
                unless defined($_->{output} // $_->{errors}) || $sessions =~ m{\b\Q$program\E\b};
            my $lines = () = $_->{text} =~ /\n/g;
            $wrong .= "$page:$_->{line}: $_->{name} has $lines lines, more than 40\n"
                if $page =~ m{^docs/cookbook/} && $lines > 40;
        }
        for (grep { $_->{lang} eq 'sh' || $_->{lang} eq 'console' } blocks($page)) {
            my $script = $_->{lang} eq 'sh' ? $_->{text}
                : join '', map { s/^[\$>] //r } grep { /^[\$>] / } split /^/, $_->{text};
            my $file = File::Temp->new;

            print $file $script;
            close $file;
            my $said = `sh -n $file 2>&1`;
            $wrong .= "$page:$_->{line}: $said" if $?;
        }
        # Links between the pages, and to other files of the project.
        my $prose = text("$top/$page") =~ s/^```.*?^```\s*$//gmsr =~ s/`[^`\n]*`//gr;
        while ($prose =~ /\]\(([^)\s#]*)(?:#([^)\s]*))?\)/g) {
            my ($to, $part) = ($1, $2);
            next if $to =~ /^\w+:/;
            my $file = $to eq '' ? "$top/$page" : dirname("$top/$page") . "/$to";
            if (!-e $file) {
                $wrong .= "$page: a link to $to, which does not exist\n";
            } elsif (defined $part && $file =~ /\.md$/) {
                my %ids = map { s/[^\w\s-]//gr =~ s/\s/-/gr => 1 } map { lc }
                    text($file) =~ /^#+ (.*?)\s*$/mg;
                $wrong .= "$page: a link to $to#$part, but there is no such heading\n"
                    unless $ids{$part};
            }
        }
        result("$page: its programs, commands and links",
            $wrong eq '' ? undef : (split /\n/, $wrong)[0], $wrong);
    }
}

# Whether a text is what was expected, where "…" stands for any text.
sub matches
{
    my ($expected, $text) = @_;
    my $pattern = join '', map { $_ eq '…' ? '[^\n]*' : quotemeta } split /(…)/, $expected;

    return $text =~ /\A$pattern\z/;
}

# Runs a command in a process group of its own, which is ended with it.
sub run_command
{
    my ($in, $out, $err, @command) = @_;
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        setpgrp;
        open STDIN, '<', $in or die;
        open STDOUT, '>', $out or die;
        if ($err) {
            open STDERR, '>', $err or die;
        } else {
            open STDERR, '>&', \*STDOUT or die;
        }
        exec @command or exit 127;
    }
    local $SIG{ALRM} = sub { kill 'KILL', -$pid }; # exit status 137
    alarm 60 * ($ENV{EDDY_TEST_SLOWNESS} // 1);
    waitpid $pid, 0;
    my $status = $?;
    alarm 0;
    kill 'TERM', -$pid;
    return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

sub free_port
{
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "$!\n";

    return $s->sockport;
}

# Sessions that compile use an eddy that was installed.
my $prefix;
sub installed
{
    my ($build, $work) = @_;

    return if $prefix;
    $prefix = "$work/prefix";
    system("cmake --install '$build' --prefix '$prefix' >/dev/null") == 0 or die "install\n";
    my $lib = dirname(`find "$prefix" -name libeddy.a`);
    $ENV{PKG_CONFIG_PATH} = "$lib/pkgconfig";
    $ENV{LD_LIBRARY_PATH} = $lib;
}

# The script of a session: a server in the background is waited for until it listens.
sub script
{
    my ($text, $port) = @_;
    my $script = '';

    for (split /^/, $text) {
        s/8888/$port/g;
        if (/^> (.*)/s) {
            $script .= $1;
        } elsif (/^\$ (.*)/s) {
            $script .= $1;
            $script .= 'for i in $(seq 600); do grep -qi ":' . sprintf('%04X', $port) .
                ' [0-9A-F:]* 0A" /proc/net/tcp* && break; sleep 0.1; done' . "\n"
                if /$port.*&\s*$/;
        }
    }
    return $script;
}

# Returns the arguments of result(), or nothing if the case is not run.
sub run_case
{
    my ($case, $page, $build, $work) = @_;
    my $name = folder($page) . ": $case->{name}";
    my ($in, $out, $err) = map { "$work/$_" } qw(input output errors);
    my $programs = "$build/tests/book/" . folder($page);
    my ($status, $expected, $errors);

    text($in, $case->{input} // '');
    if ($case->{lang} eq 'console') {
        my $place = tempdir(DIR => $work);
        my $port = free_port();

        installed($build, $work) if $case->{text} =~ /pkg-config|cmake/;
        symlink $_, "$place/" . basename($_) for glob "$programs/*";
        symlink $_, "$place/" . basename($_)
            for glob "$build/tests/book/source/" . folder($page) . '/*';
        text("$work/script", "cd '$place' || exit\n" . script($case->{text}, $port));
        ($expected, $errors) = ($case->{text} =~ s/^[\$>] .*\n//gmr, '');
        $expected =~ s/8888/$port/g;
        $status = run_command($in, $out, undef, 'sh', "$work/script");
        text($err, '');
        $status = 0 unless $status == 137; # the last command's, which may be meant to fail
    } else {
        my $program = "$programs/" . ($case->{name} =~ s/\.\w+$//r);
        return if !-x $program && grep { /^(uv|event)$/ } @{$case->{words}};
        return if defined $case->{output} == 0 && !defined $case->{errors};
        ($expected, $errors) = ($case->{output} // '', $case->{errors} // '');
        $status = run_command($in, $out, $err, split(' ', $ENV{EDDY_TEST_WRAPPER} // ''), $program);
    }
    my $detail = join '', map { "$_->[0]:\n$_->[1]" } ['expected', $expected],
        ['printed', text($out)], ['expected on standard error', $errors], ['printed', text($err)];
    my $wanted = $case->{status} // 0;
    my $why = $status != $wanted ? "exit status $status, not $wanted"
        : !matches($expected, text($out)) ? 'another output than the page shows'
        : !matches($errors, text($err)) ? 'another standard error than the page shows' : undef;
    return ($name, $why, $detail);
}

sub run
{
    my $build = abs_path($dir);
    my $work = tempdir(CLEANUP => 1);
    $ENV{PATH} = "$build/bin:$ENV{PATH}";
    my $only = $ENV{EDDY_BOOK_PAGE} // '';

    for my $page (pages()) {
        next unless folder($page) =~ /$only/;
        my (undef, $cases) = read_page($page);
        for my $case (@$cases) {
            # The programs' clocks are real: on a busy machine a sleep may last longer than another
            # one, and order differs. A program that is wrong is wrong each time.
            my @said;
            for my $try (1 .. 3) {
                @said = run_case($case, $page, $build, $work);
                last if !@said || !defined $said[1];
            }
            result(@said) if @said;
        }
    }
}

$| = 1;
{ extract => \&extract, check => \&check, run => \&run }->{$action}->();
exit $failed;
