"""The Core Business Vocabulary (CBV 2.0, https://ref.gs1.org/standards/cbv/) as EPCIS JSON spells it: short names.

A value is a short name of the list or a URI of somebody's own. CBV's own URIs in the old forms are refused, as GS1's
schema does, because one meaning must have one spelling; the web form (https://ref.gs1.org/cbv/BizStep-shipping) passes.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shipments.epcis.formats import URI_SCHEMA, uri
from shipments.epcis.problems import shown


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


BIZ_STEPS = _names("""
    accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
    decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
    installing killing loading other packing picking receiving removing repackaging repairing replacing
    reserving retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing
    transporting unloading unpacking void_shipping""")
DISPOSITIONS = _names("""
    active available completeness_inferred completeness_verified conformant container_closed container_open
    damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class
    mismatch_instance mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other
    partially_dispensed recalled reserved retail_sold returned sellable_accessible sellable_not_accessible
    stolen unavailable unknown""")
TRANSACTION_TYPES = _names("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt")
PARTY_TYPES = _names("location owning_party possessing_party")
ERROR_REASONS = _names("did_not_occur incorrect_data")
COMPONENTS = _names("""
    altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle
    spherical_radius x y z""")
ALERTS = _names("ALARM_CONDITION ERROR_CONDITION")
MEASUREMENTS = _names("""
    AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance
    Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
    ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency
    Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux
    LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration
    MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power
    Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle
    SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate
    VolumeFraction VolumetricFlux Wavenumber""")

OLD_CBV = re.compile(r"(urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/)")
WEB_VOCABULARY = re.compile(r"https?://(www\.)?gs1\.org/voc/")
_SPELLINGS = re.compile(
    r"urn:epcglobal:cbv:(?:bizstep|disp|btt|sdt|er):(\w+)"
    r"|https?://(?:ref|ns)\.gs1\.org/cbv/(?:BizStep|Disp|BTT|SDT|ER)-(\w+)")


def short_name(value: str) -> str:
    """Any spelling of a CBV value -> its short name; other values stay as they are."""
    found = _SPELLINGS.fullmatch(value)
    return (found[1] or found[2]) if found else value


def _one_of(names: frozenset[str], kind: str, forbidden: re.Pattern[str]) -> Any:
    """The type of a member that is one of the names or a URI that `forbidden` does not match."""
    def check(value: str) -> str:
        if value in names:
            return value
        if forbidden.match(value) or ":" not in value:
            raise PydanticCustomError(
                "vocabulary", "{value} is neither a CBV short name of a {kind} nor a URI of your own",
                {"value": shown(value), "kind": kind})
        return uri(value)
    own = URI_SCHEMA | {"pattern": f"^(?!{forbidden.pattern})"}
    return Annotated[str, AfterValidator(check), WithJsonSchema({"anyOf": [{"enum": sorted(names)}, own]})]


BizStep = _one_of(BIZ_STEPS, "business step", OLD_CBV)
Disposition = _one_of(DISPOSITIONS, "disposition", OLD_CBV)
TransactionType = _one_of(TRANSACTION_TYPES, "business transaction type", OLD_CBV)
PartyType = _one_of(PARTY_TYPES, "source or destination type", OLD_CBV)
ErrorReason = _one_of(ERROR_REASONS, "reason of an error", OLD_CBV)
Component = _one_of(COMPONENTS, "component of a measurement", OLD_CBV)
Measurement = _one_of(MEASUREMENTS, "measurement", WEB_VOCABULARY)
Alert = _one_of(ALERTS, "sensor alert", WEB_VOCABULARY)
