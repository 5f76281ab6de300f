#!/usr/bin/perl
# Makefile.am names every source file once, in its own layer's list, sorted, and none that is not there.
use strict;
use warnings;
use Test::More;

my $top = $ENV{top_srcdir} // '.';
chdir $top or die "$top: $!";
my %list_of = (base => 'src_libbase_a', store => 'src_libstore_a', proto => 'src_libproto_a',
    net => 'src_libnet_a', admin => 'src_libadmin_a',
    daemon => 'src_larderd', tools => 'src_larder_bench src_larder_trace src_lardertop src_libtop_a src_store_bench');

open my $file, '<', 'Makefile.am' or die "Makefile.am: $!";
my $text = do { local $/; <$file> };
$text =~ s/\\\n/ /g;

sub listed {
    my ($variable) = @_;
    return $text =~ /^\Q$variable\E\s*=(.*)$/m ? split(' ', $1) : ();
}

for my $folder (sort keys %list_of) {
    my @there = sort glob "src/$folder/*.{c,h,def}";
    my %listed = map { $_ => 1 } map { listed("${_}_SOURCES") } split ' ', $list_of{$folder};
    is_deeply([sort keys %listed], \@there, "the sources of src/$folder/");
    for my $list (map { [listed("${_}_SOURCES")] } split ' ', $list_of{$folder}) {
        is_deeply($list, [sort @$list], 'in order');
    }
}

my @folders = grep { -d } glob 'src/*';
is_deeply([grep { !$list_of{s{^src/}{}r} && glob "$_/*.c" } @folders], [],
    'no folder of sources is outside the lists');

my @tests = sort map { s/\.c$//r } glob 't/unit/test_*.c';
is_deeply([listed('unit_tests')], \@tests, 'the unit tests');
my @support = sort grep { !m{/test_.*\.c$} } glob 't/unit/*.{c,h}';
is_deeply([listed('unit_test_support')], \@support, 'the files beside the unit tests');

my @targets = sort map { s/\.c$//r } glob 't/fuzz/fuzz_*.c';
is_deeply([listed('fuzz_targets')], \@targets, 'the fuzz targets');
is_deeply([listed('fuzz_dictionaries')], [sort glob 't/fuzz/*.dict'], 'their dictionaries');
my %of_targets = map { $_ => 1 } listed('fuzz_support'), listed('t_fuzz_libreplay_a_SOURCES'),
    map { listed(($_ =~ s/\W/_/gr) . '_SOURCES') } @targets;
is_deeply([grep { !$of_targets{$_} } glob 't/fuzz/*.{c,h}'], [], 'every file beside them is used by one');
is_deeply([grep { !-d "t/fuzz/corpus/$_" } map { s{.*/fuzz_}{}r } @targets], [], 'each has a corpus');

my %released = map { $_ => 1 } listed('EXTRA_DIST');
my @others = grep { !$released{$_} }
    (map { s{/[^/]+$}{}r } glob 't/{admin,clients,cluster,contract,faults,fuzz/corpus,lib,memory,package,protocol,server,speed,stress,suppressions}/*'),
    grep { !/\.\d$/ } glob('doc/*');
is_deeply(\@others, [], 'tests and documents are in EXTRA_DIST');

for my $test (@tests) {
    my ($layer) = $test =~ m{/test_([a-z]+)_};
    my @libraries = listed(($test =~ s/\W/_/gr) . '_LDADD');
    is($libraries[0], "\$(${layer}_libs)", "$test is linked with its own layer and those below");
}
done_testing;
