"""Every zone of tzdata, every 19 days and 7 hours from 1970 to 2100: our offsets are those of Python's zoneinfo, a reader of its own. Use: time_zone_all.py TOOL"""
import datetime
import subprocess
import sys
import zoneinfo

STEP_S = 19 * 86400 + 7 * 3600
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def main(tool):
    names = sorted(name for name in zoneinfo.available_timezones() if name != "localtime")
    assert len(names) > 400, "is tzdata installed?"
    moments = range(0, 4102444800, STEP_S)
    printed = subprocess.run([tool, *map(str, moments)], input="\n".join(names) + "\n", check=True, capture_output=True, text=True).stdout.split("\n")
    lines, wrong, compared = iter(printed), [], 0
    times = [EPOCH + datetime.timedelta(seconds=moment) for moment in moments]
    for name in names:
        zone = zoneinfo.ZoneInfo(name)
        for moment, time in zip(moments, times):
            expected = f"{name} {moment} {int(time.astimezone(zone).utcoffset().total_seconds())}"
            found = next(lines)
            compared += 1
            if found != expected:
                wrong.append(f"{found}, not {expected}")
                if found.endswith("unknown"):
                    break
    print(f"{len(names)} zones, {compared} offsets, {len(wrong)} wrong", *wrong[:10], sep="\n")
    return 1 if wrong or next(lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
