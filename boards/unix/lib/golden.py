# What names the golden app, as frozen into an RP2040's firmware (boards/rp2/manifest.py); the launcher tells it here.
import twin

ID = twin.golden
BUILT = twin.built
