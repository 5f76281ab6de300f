#!/usr/bin/perl
# The file of --config means what the same words on the command line mean, which counts more; what is wrong in it is told
# line by line.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use Larder;

larder_only('memcached reads no file');

my $top = $ENV{top_srcdir} // '.';
my $directory = tempdir('larder-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $path = "$directory/larder.conf";

sub write_config {
    my ($text) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $text;
    close $file or die "$path: $!";
}

sub read_file {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "$name: $!";
    local $/;
    return scalar <$file>;
}

# (status, standard error, standard output)
sub check {
    return starts_and_exits('--config', $path, '--check-config', @_);
}

sub is_fine {
    my ($name, $text, @arguments) = @_;
    write_config($text);
    is_deeply [check(@arguments)], [0, '', "larderd: ok\n"], $name;
}

# The lines of the log that the text leads to; PATH stands for the file.
sub is_wrong {
    my ($name, $text, @expected) = @_;
    write_config($text);
    my ($status, $log) = check();
    my @lines = map { s/\Q$path\E/PATH/r } split /\n/, $log;
    is $status, 78, "$name: status";
    is scalar @lines, scalar @expected, "$name: as many lines as errors" or diag $log;
    like $lines[$_] // '', $expected[$_], "$name: line $_" for 0 .. $#expected;
}

sub settings_are {
    my ($name, $text, $arguments, %expected) = @_;
    write_config($text);
    my $server = Larder->start(args => ['--config', $path, @$arguments]);
    my $found = $server->stats('settings');
    is_deeply {map { $_ => $found->{$_} } keys %expected}, \%expected, $name;
    stops_cleanly $server;
}

# ---- what is taken

settings_are 'names, with and without an equals sign', <<'END', [],
# a comment

memory-limit = 32
  threads 2      # behind an option
idle_timeout=30
	conn-limit	=	50
disable-flush-all
no_slab_reassign
slab_automove
verbose = 2
END
    maxbytes => 32 << 20, num_threads => 2, idle_timeout => 30, maxconns => 50, flush_enabled => 'no', slab_reassign => 'no',
    slab_automove => 1, verbosity => 2;

settings_are "lines with dashes, as memcached's own", "-m 32\r\n-c50 -t 2\n-vv\n--max-item-size=2m\n-o idle_timeout=30,no_modern\n", [],
    maxbytes => 32 << 20, maxconns => 50, num_threads => 2, verbosity => 2, item_size_max => 2 << 20, idle_timeout => 30;

for my $written ("\"$directory/a #file\"", "'$directory/a #file'", "$directory/a\\ \\#file") {
    write_config("unix-socket = $written\n-D '#'\n");
    my $server = Larder->start(listen => ['--config', $path], unix_path => "$directory/a #file");
    my $found = $server->stats('settings');
    is_deeply [@$found{qw(domain_socket stat_key_prefix detail_enabled)}], ["$directory/a #file", '#', 'yes'],
        "quotes and backslashes: $written";
    stops_cleanly $server;
}

settings_are 'the last of two counts, the last line needs no end', "threads 3\nthreads 2", [], num_threads => 2;

settings_are 'the command line wins', "threads = 3\nverbose = 3\nconn-limit = 50\nno_slab_reassign\ndisable-cas\n",
    ['-t', 2, '-v', '-o', 'slab_reassign'], num_threads => 2, verbosity => 1, maxconns => 50, slab_reassign => 'yes', cas_enabled => 'no';

{
    write_config("listen = 127.0.0.1\nlisten = 127.0.0.2\nport = 0\n");
    my $server = Larder->start(listen => ['--config', $path], tcp => 1);
    like $server->stats('settings')->{inter}, qr/^127\.0\.0\.1,127\.0\.0\.2$/, 'listen of the file';
    stops_cleanly $server;
    $server = Larder->start(listen => ['--config', $path, '-l', '127.0.0.1', '-l', '127.0.0.3'], tcp => 1);
    is $server->stats('settings')->{inter}, '127.0.0.1,127.0.0.3', 'that of the command line takes its place';
    stops_cleanly $server;
}

{
    # The file of Debian's memcached package, without its comments.
    my $text = <<'END';
# memcached default config file
-d
logfile /var/log/memcached.log
# -v
-m 64
-p 11211
-u memcache
-l 127.0.0.1
# -c 1024
-P /var/run/memcached/memcached.pid
END
    is_fine "Debian's memcached.conf", $text;
    is_fine "the one of this machine's memcached", read_file('/etc/memcached.conf') if -r '/etc/memcached.conf';
}

{
    my $text = read_file("$top/dist/larder.conf");
    is_fine 'the larder.conf that comes with it', $text;
    my @shown = $text =~ /^#(?! )(.+)$/mg;
    cmp_ok scalar @shown, '>', 8, 'it shows defaults';
    is_fine "it shows $_", "$_\n" for @shown;
}

is_fine 'an empty file', '';
write_config("threads = 3\n");
is_deeply [check('-t', 2)], [0, '', "larderd: ok\n"], 'checked with what the command line says';
is_deeply [starts_and_exits('--check-config')], [0, '', "larderd: ok\n"], 'or the command line alone';

# ---- what is not

is_wrong 'every wrong line is told', "memory-limit = 64x\nthreads = 2\nidle-timeout = 5\nconn-limit\nthreads =\n-t abc\n",
    qr/^larderd: PATH:1: memory-limit 64x: wants megabytes from 1 to 4194304/,
    qr/^larderd: PATH:3: idle-timeout: no such name; is idle_timeout meant\?/,
    qr/^larderd: PATH:4: conn-limit: wants a whole number from 1/,
    qr/^larderd: PATH:5: threads: there is nothing behind the =/,
    qr/^larderd: PATH:6: threads abc: wants auto, or a whole number/;
is_wrong 'a value that counts less is looked at all the same', "threads = 0\n", qr/PATH:1: threads 0: wants/;
is_wrong 'a flag', "disable-cas = yes\n", qr/PATH:1: disable-cas yes: wants no value/;
is_wrong 'surplus words', "threads 2 3\n", qr/PATH:1: threads 2: what does 3 mean\?/;
is_wrong 'an open quote', "auth-file = 'x\n-Y \"x\n", qr/PATH:1: auth-file: a quote is not closed/, qr/PATH:2: a quote/;
is_wrong 'what is not in this version', "enable-sasl\n", qr/PATH:1: enable-sasl refused: /;
is_wrong 'an option that does not exist', "-\@\n--threds=2\n", qr/PATH:1: -\@: no such option/, qr/PATH:2: .*--threads meant/;
is_wrong 'what is for the command line', "config = x\n--help\ncheck-config\n", (qr/is for the command line only/) x 3;
is_wrong 'a word', "fooble\n", qr/PATH:1: fooble: no such name/;
is_wrong 'no name', "= 3\n", qr/PATH:1: : no such name/;
is_wrong 'a binary', "threads = 2\n\0", qr/--config PATH: it holds zero bytes/;
is_wrong 'a huge file', "#\n" x 600_000, qr/--config PATH: it is larger than 1 MiB/;

for my $unreadable ("$directory/none", $directory) {
    my ($status, $log) = starts_and_exits('--config', $unreadable);
    is $status, 78, 'a file that can not be read ends the start';
    like $log, qr/\Alarderd: --config \Q$unreadable\E: \w[^\n]*\n\z/, 'in one line';
}

done_testing;
